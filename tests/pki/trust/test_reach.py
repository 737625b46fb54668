"""Which name constraints limit a root in a browser. Falsehood caught: constraints that constrain nothing are enough."""

from ipaddress import ip_network

import pytest
from cryptography import x509

from pki.name_constraints import constraints
from pki.trust.reach import open_sites


@pytest.mark.parametrize(
    ("permit", "exclude"),
    [
        (["test"], []),
        (["localhost", "127.0.0.0/8", "::1"], []),
        (["test"], ["bank.test"]),
        (["shop.example.com"], []),
        (["10.0.0.0/8"], []),
        (["@example.test"], []),
        (["internal"], []),
    ],
)
def test_a_root_that_is_limited_to_own_names(permit: list[str], exclude: list[str]) -> None:
    assert open_sites(constraints(permit, exclude)) is None


@pytest.mark.parametrize(
    ("permit", "exclude", "open_"),
    [
        ([], [], "no name constraints"),
        ([], ["bank.example"], "every host name that they do not exclude"),
        ([], ["10.0.0.0/8"], "every host name that they do not exclude"),
        (["com"], [], "every host name in com"),
        (["test", "co.uk"], [], "every host name in co.uk"),
        (["test", "github.io"], [], "every host name in github.io"),
        (["test", "0.0.0.0/0"], [], "every IPv4 address"),
        (["test", "0.0.0.0/1", "128.0.0.0/1"], [], "every IPv4 address"),
        (["test", "::/0"], [], "every IPv6 address"),
    ],
)
def test_a_root_that_is_open(permit: list[str], exclude: list[str], open_: str) -> None:
    reason = open_sites(constraints(permit, exclude))
    assert reason
    assert open_ in reason


def test_constraints_of_another_ca_may_leave_a_type_open() -> None:
    """`pki init` closes the types without a permit; other programs do not."""
    dns, mail = x509.DNSName("test"), x509.RFC822Name("example.test")
    assert "IPv4" in str(open_sites(x509.NameConstraints([dns], None)))
    assert "every host name" in str(open_sites(x509.NameConstraints([mail], None)))
    assert "every host name" in str(open_sites(x509.NameConstraints([x509.DNSName("")], None)))
    everything = [x509.IPAddress(ip_network(each)) for each in ("0.0.0.0/0", "::/0")]
    assert "IPv6" in str(open_sites(x509.NameConstraints([dns], everything[:1])))
    assert open_sites(x509.NameConstraints([dns], everything)) is None
    assert open_sites(x509.NameConstraints(None, [x509.DNSName(""), *everything])) is None
    # A permit for one version of IP excludes the other: both have the same type of name (RFC 5280 §4.2.1.6).
    assert open_sites(x509.NameConstraints([dns, x509.IPAddress(ip_network("::1/128"))], None)) is None
