"""The defects of TLS clients: the cases that a client with each defect accepts, and the fix. Data.

    pattern of cases  ->  defect  ->  fix per ecosystem

A row fits if every condition of its pattern holds for cases that were run. A row that explains more comes before rows
that explain a part of it. The last rows are for unknown patterns.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tlsdemo.findings import Way
from tlsdemo.report import fixes
from tlsdemo.report.fixes import Fix


@dataclass(frozen=True)
class Pattern:
    """Conditions on what a client did; all must hold."""

    accepts: tuple[str, ...] = ()
    """Each of these was run, and accepted."""
    some_of: tuple[tuple[str, ...], ...] = ()
    """Of each group, at least one was accepted."""
    refuses: tuple[str, ...] = ()
    """Each of these was run, and refused."""
    refuses_good: tuple[str, ...] = ()
    """Of these valid cases, at least one was refused."""
    way: Way = Way.PLAINLY
    """The way that counts as accepted. If not PLAINLY, at least one case was accepted in this way."""
    crashes: bool = False
    """In at least one case a signal ended the client."""

    @property
    def about_good(self) -> bool:
        """Whether the pattern is only about refused valid cases."""
        return bool(self.refuses_good) and not (self.accepts or self.some_of)


@dataclass(frozen=True)
class Defect:
    """One fault of a client."""

    id: str
    sentence: str
    harm: str
    """What an attacker gains from it."""
    pattern: Pattern
    explains: frozenset[str]
    """The findings that it can explain: case ids, and themes as `theme:host-names`."""
    fix: Fix
    known: bool = True
    """Whether the pattern identifies the fault; if not, the sentence only says which check fails."""

    def explains_case(self, case: str, theme: str) -> bool:
        """Whether it can explain a finding in that case."""
        return case in self.explains or f"theme:{theme}" in self.explains or EVERYTHING in self.explains


EVERYTHING = "everything"
CERTIFICATES = (
    "theme:validity", "theme:chain", "theme:signature", "theme:ca-certificates", "theme:usage", "theme:constraints",
    "theme:extensions", "theme:strength",
)  # fmt: skip
NAMES = ("theme:host-names", "theme:wildcards")
GOOD_NAMES = ("good-no-cn", "good-ip", "good-san-case", "good-1000-sans", "good-wildcard")
IMPERSONATE = "A man in the middle can impersonate any server, and read and change everything."
ANY_CERTIFICATE = "An attacker with a certificate for any other name can impersonate the server."


def _row(
    id: str,
    sentence: str,
    harm: str,
    fix: Fix,
    explains: Iterable[str],
    *,
    accepts: tuple[str, ...] = (),
    some_of: tuple[tuple[str, ...], ...] = (),
    refuses: tuple[str, ...] = (),
    refuses_good: tuple[str, ...] = (),
    way: Way = Way.PLAINLY,
    crashes: bool = False,
    known: bool = True,
) -> Defect:
    pattern = Pattern(accepts, some_of, refuses, refuses_good, way, crashes)
    return Defect(id, sentence, harm, pattern, frozenset(explains), fix, known)


def _any(*cases: str) -> tuple[tuple[str, ...], ...]:
    return (cases,)


EKU = ("eku-client-only", "eku-codesigning", "eku-codesigning-critical")
KU = ("ku-no-digitalsignature", "ku-rsa-encipher-only", "ku-certsign-only")

COPIED = "An attacker presents a copy of a certificate, which is public, and can impersonate its owner."
UNPROVED = ("certificate-missing", "certificate-empty", "certificate-verify-missing", "unauthenticated")
FINISHED = ("finished-wrong", "finished-empty", "finished-missing", "finished-skipped")
SCHEMES = ("certificate-verify-sha1", "certificate-verify-pkcs1", "certificate-verify-scheme")
SIGNATURES = (
    "certificate-verify-other-key",
    "certificate-verify-zeros",
    "certificate-verify-garbage",
    "certificate-verify-empty",
    "certificate-verify-as-client",
    "certificate-verify-replayed",
    "copied-certificate",
    *SCHEMES,
)
FORM = (
    "version-not-offered",
    "suite-not-offered",
    "group-not-offered",
    "key-share-short",
    "session-id-not-echoed",
    "compression-selected",
    "alpn-in-server-hello",
    "second-hello-retry-request",
    "extension-not-offered",
    "extension-twice",
    "alpn-not-offered",
    "server-name-with-content",
    "encrypted-extensions-twice",
    "record-of-padding",
    "record-too-long",
)

DEFECTS: tuple[Defect, ...] = (
    # The order of its steps -------------------------------------------------------------------------------------------
    _row(
        "crash",
        "It crashes: a signal ends it while it handles the server's certificate.",
        "An attacker can crash the client with a certificate, and may be able to run code in it.",
        fixes.CRASH, [EVERYTHING], crashes=True,
    ),
    _row(
        "no-tls",
        "It does not use TLS: it sends its request in the clear.",
        "Every eavesdropper can read everything, and a man in the middle can change it.",
        fixes.PLAINTEXT, [EVERYTHING], accepts=("good",), way=Way.IN_THE_CLEAR,
    ),
    _row(
        "plaintext-fallback",
        "It falls back to plaintext: after a failed handshake it sends its request without TLS.",
        "An attacker who breaks the handshake receives the request in the clear.",
        fixes.PLAINTEXT, [EVERYTHING], way=Way.IN_THE_CLEAR,
    ),
    _row(
        "insecure-retry",
        "It tries again without the check: after a refusal it accepts the same server on a second connection.",
        IMPERSONATE,
        fixes.RETRY, [EVERYTHING], way=Way.SECOND_TRY,
    ),
    _row(
        "late-check",
        "It checks too late: it sends its request before it refuses the certificate.",
        "A man in the middle receives the request, with its cookies and passwords.",
        fixes.ORDER, [EVERYTHING], way=Way.BEFORE_CHECK,
    ),
    _row(
        "trust-on-first-use",
        "It trusts on first use: it accepts the first certificate that it sees, and later only this one.",
        "An attacker who intercepts the first connection is not detected, and the real server is refused.",
        fixes.PINNING, [EVERYTHING], refuses_good=("good-renewed",), refuses=("untrusted-root",),
    ),
    # The chain --------------------------------------------------------------------------------------------------------
    _row(
        "any-certificate",
        "It accepts any certificate.",
        IMPERSONATE,
        fixes.CHAIN, [*CERTIFICATES, *NAMES],
        accepts=("untrusted-root", "self-signed", "bad-signature", "expired", "wrong-host"),
    ),
    _row(
        "no-path-validation",
        "It does not validate the chain: it accepts any certificate with the right name.",
        "An attacker can create such a certificate and impersonate any server.",
        fixes.CHAIN, CERTIFICATES,
        accepts=("untrusted-root", "self-signed", "bad-signature", "expired"), refuses=("wrong-host",),
    ),
    _row(
        "any-ca",
        "It accepts certificates from any CA.",
        "An attacker can create a CA within a second and impersonate any server.",
        fixes.CHAIN,
        [
            "theme:chain", "rogue-same-name", "rogue-same-name-noaki", "rogue-same-name-forged-aki",
            "intermediate-bad-signature",
        ],
        accepts=("untrusted-root",),
    ),
    _row(
        "sent-root",
        "It trusts a root certificate that the server sent.",
        "An attacker sends the root of a rogue CA along, and can impersonate any server.",
        fixes.ANCHORS, ["untrusted-root-sent", "self-signed", "theme:signature"],
        accepts=("untrusted-root-sent",), refuses=("untrusted-root",),
    ),
    _row(
        "self-signed",
        "It accepts self-signed certificates.",
        "An attacker can create a self-signed certificate for any host and impersonate it.",
        fixes.CHAIN, ["self-signed"],
        accepts=("self-signed",), refuses=("untrusted-root", "untrusted-root-sent"),
    ),
    _row(
        "incomplete-chain",
        "It accepts a chain that does not reach a trust anchor.",
        "Unless it fetches the missing certificate, an attacker can name any issuer.",
        fixes.CHAIN, ["incomplete-chain", "empty-issuer", "aki-mismatch"],
        accepts=("incomplete-chain",), refuses=("untrusted-root",),
    ),
    _row(
        "no-signature-check",
        "It does not verify the signature of the server's certificate.",
        "An attacker copies a real certificate, puts another key into it, and can impersonate its host.",
        fixes.SIGNATURE, ["theme:signature"],
        some_of=_any("bad-signature", "replaced-key"),
    ),
    _row(
        "issuer-by-name",
        "It compares the issuer's name or key identifier instead of verifying the signature.",
        "An attacker gives a rogue CA the name of the real one, and can impersonate any server.",
        fixes.SIGNATURE, ["rogue-same-name", "rogue-same-name-noaki", "rogue-same-name-forged-aki"],
        some_of=_any("rogue-same-name", "rogue-same-name-noaki", "rogue-same-name-forged-aki"),
        refuses=("bad-signature",),
    ),
    _row(
        "only-first-signature",
        "It verifies only the signature of the server's certificate, not the signatures of the CA certificates.",
        "An attacker can create an intermediate CA and impersonate any server.",
        fixes.SIGNATURE, ["intermediate-bad-signature"],
        accepts=("intermediate-bad-signature",), refuses=("bad-signature",),
    ),
    _row(
        "no-validity-check",
        "It does not check the validity of certificates.",
        "An attacker with an old key of the host can use it forever.",
        fixes.VALIDITY, ["theme:validity"],
        accepts=("expired", "not-yet-valid"),
    ),
    _row(
        "accepts-expired",
        "It accepts expired certificates.",
        "An attacker with an old key of the host can use it forever.",
        fixes.VALIDITY, ["expired", "expired-1963", "expired-intermediate", "expired-root", "time-fractional"],
        accepts=("expired",), refuses=("not-yet-valid",),
    ),
    _row(
        "accepts-not-yet-valid",
        "It accepts certificates that are not yet valid.",
        "It uses a certificate before its validity, and does not notice a wrong clock.",
        fixes.VALIDITY, ["not-yet-valid", "validity-inverted"],
        accepts=("not-yet-valid",), refuses=("expired",),
    ),
    _row(
        "validity-of-the-leaf-alone",
        "It checks the validity of the server's certificate only, not of the CA certificates.",
        "A CA whose certificate expired years ago can still issue certificates for any host.",
        fixes.VALIDITY, ["expired-intermediate", "expired-root"],
        accepts=("expired-intermediate",), refuses=("expired",),
    ),
    _row(
        "ignores-basic-constraints",
        "It ignores basicConstraints: any certificate can act as a CA.",
        "The owner of any certificate can issue one for every other host.",
        fixes.CA_FLAG, ["theme:ca-certificates"],
        some_of=_any("leaf-signs-leaf", "intermediate-no-bc", "intermediate-no-bc-no-ku"),
    ),
    _row(
        "accepts-version-1-ca",
        "It accepts a version 1 certificate as a CA.",
        "The owner of a version 1 certificate can issue one for every other host.",
        fixes.CA_FLAG, ["intermediate-v1"],
        accepts=("intermediate-v1",), refuses=("intermediate-no-bc-no-ku",),
    ),
    _row(
        "ignores-key-usage-of-cas",
        "It ignores the key usage of CAs: a key without keyCertSign can issue certificates.",
        "The holder of a key that may only sign CRLs can issue certificates for every host.",
        fixes.CA_FLAG, ["intermediate-no-keycertsign"],
        accepts=("intermediate-no-keycertsign",), refuses=("intermediate-no-bc",),
    ),
    _row(
        "ignores-path-length",
        "It ignores the path length of basicConstraints.",
        "A CA that may issue certificates for servers only can create further CAs.",
        fixes.CA_FLAG, ["pathlen-exceeded"],
        accepts=("pathlen-exceeded",),
    ),
    _row(
        "ignores-both-key-usages",
        "It ignores key usage and extended key usage.",
        "An attacker with a certificate for another purpose, such as email or code signing, can act as the server.",
        fixes.PURPOSE, ["theme:usage"],
        some_of=(EKU, KU),
    ),
    _row(
        "ignores-extended-key-usage",
        "It ignores extended key usage: it accepts a certificate for clients or for code signing.",
        "An attacker with a certificate for another purpose can act as the server.",
        fixes.PURPOSE, [*EKU, "eku-any", "intermediate-eku-email"],
        some_of=(EKU,),
    ),
    _row(
        "ignores-key-usage",
        "It ignores key usage: it accepts signatures of a key that must not sign.",
        "An attacker with a key that the CA certified for another use can act as the server.",
        fixes.KEY_USAGE, KU,
        some_of=(KU,),
    ),
    _row(
        "ignores-purpose-of-cas",
        "It ignores the extended key usage of CAs.",
        "A CA that may issue for email only can issue certificates for every server.",
        fixes.PURPOSE, ["intermediate-eku-email"],
        accepts=("intermediate-eku-email",),
    ),
    _row(
        "ignores-name-constraints",
        "It ignores name constraints.",
        "A CA that may issue for one domain only can issue for every host.",
        fixes.EXTENSIONS, ["theme:constraints"],
        some_of=_any("nc-permitted-violation", "nc-excluded-violation", "nc-ip-violation", "nc-noncritical"),
    ),
    _row(
        "constraints-miss-wildcards",
        "It does not apply name constraints to wildcards.",
        "A CA that must not issue for a host can issue a wildcard that covers it.",
        fixes.EXTENSIONS, ["nc-excluded-vs-wildcard"],
        accepts=("nc-excluded-vs-wildcard",),
    ),
    _row(
        "ignores-critical-extensions",
        "It ignores critical extensions that it does not know.",
        "A restriction that the client does not know has no effect.",
        fixes.EXTENSIONS, ["unknown-critical-ext", "unknown-critical-ext-ca", "ct-poison"],
        some_of=_any("unknown-critical-ext", "unknown-critical-ext-ca", "ct-poison"),
    ),
    _row(
        "ignores-policy-constraints",
        "It ignores policy constraints.",
        "A CA that must name a policy in every certificate can omit it.",
        fixes.POLICY, ["policy-require-explicit"],
        accepts=("policy-require-explicit",),
    ),
    _row(
        "algorithms-not-compared",
        "It does not compare the two signature algorithms that a certificate names.",
        "Nothing, unless the algorithm in the unsigned field is a weak one.",
        fixes.SIGNATURE, ["sigalg-mismatch"],
        accepts=("sigalg-mismatch",), refuses=("bad-signature",),
    ),
    _row(
        "weak-hash",
        "It accepts signatures with MD5 or SHA-1.",
        "An attacker who finds a collision gets a CA's signature for a certificate that the CA has not seen.",
        fixes.STRENGTH, ["md5-leaf", "sha1-leaf", "sha1-intermediate"],
        some_of=_any("md5-leaf", "sha1-leaf", "sha1-intermediate"),
    ),
    _row(
        "weak-keys",
        "It accepts RSA keys that are too short.",
        "An attacker who factors the key can act as the server.",
        fixes.STRENGTH, ["rsa512", "rsa768", "rsa1024", "rsa1024-intermediate"],
        some_of=_any("rsa512", "rsa768", "rsa1024", "rsa1024-intermediate"),
    ),
    _row(
        "unusual-keys",
        "It accepts types of keys that TLS 1.3 does not allow.",
        "Code for rare keys is tested less; CVE-2020-0601 and CVE-2022-0778 were in it.",
        fixes.STRENGTH, ["ec-p192", "ec-secp256k1", "ec-explicit-params", "dsa-leaf"],
        some_of=_any("ec-p192", "ec-secp256k1", "ec-explicit-params", "dsa-leaf"),
    ),
    # The name ---------------------------------------------------------------------------------------------------------
    _row(
        "no-name-check",
        "It does not check the host name.",
        ANY_CERTIFICATE,
        fixes.NAME, [*NAMES, "leaf-v1", "nc-bypass-by-cn"],
        accepts=("wrong-host",),
    ),
    _row(
        "common-name-only",
        "It compares the common name and ignores subjectAltName.",
        "CAs validate subjectAltName; the common name can be any text.",
        fixes.COMMON_NAME,
        [
            "san-mismatch-cn-match", "no-san-cn-only", "san-email-only", "san-uri-only", "ip-in-cn", "nul-in-cn",
            "leaf-v1", "nc-bypass-by-cn", *GOOD_NAMES, "underscore-host",
        ],
        accepts=("san-mismatch-cn-match",), refuses=("wrong-host",), refuses_good=("good-no-cn",),
    ),
    _row(
        "common-name-too",
        "It accepts the common name although the certificate has a subjectAltName.",
        "CAs validate subjectAltName; the common name can be any text.",
        fixes.COMMON_NAME,
        [
            "san-mismatch-cn-match", "no-san-cn-only", "san-email-only", "san-uri-only", "ip-in-cn", "leaf-v1",
            "nc-bypass-by-cn",
        ],
        accepts=("san-mismatch-cn-match",), refuses=("wrong-host",),
    ),
    _row(
        "common-name-fallback",
        "It falls back to the common name if subjectAltName contains no host.",
        "The owner of a certificate for a person or an email address can have a host as its common name.",
        fixes.COMMON_NAME,
        ["no-san-cn-only", "san-email-only", "san-uri-only", "ip-in-cn", "leaf-v1", "nc-bypass-by-cn"],
        some_of=_any("no-san-cn-only", "san-email-only", "san-uri-only", "ip-in-cn", "nc-bypass-by-cn"),
        refuses=("wrong-host",),
    ),
    _row(
        "name-by-substring",
        "It compares names by substring: it accepts a name that contains the host name.",
        "An attacker registers evil-HOST.example or HOST.evil.example and can act as HOST.",
        fixes.NAME,
        [
            "host-as-prefix", "host-as-suffix", "host-inside", "subdomain", "trailing-dot-san", "nul-in-san",
            "nul-in-cn", "idn-ulabel-utf8", "wildcard-apex",
        ],
        accepts=("host-as-prefix", "host-as-suffix", "host-inside"),
    ),
    _row(
        "name-by-prefix",
        "It compares names by prefix: it accepts a name that begins with the host name.",
        "An attacker registers HOST.evil.example and can act as HOST.",
        fixes.NAME, ["host-as-prefix", "trailing-dot-san", "nul-in-san", "nul-in-cn"],
        accepts=("host-as-prefix",), refuses=("host-as-suffix",),
    ),
    _row(
        "name-by-suffix",
        "It compares names by suffix: it accepts a name that ends with the host name.",
        "An attacker registers evilHOST and can act as HOST.",
        fixes.NAME, ["host-as-suffix", "subdomain", "wildcard-apex"],
        accepts=("host-as-suffix",), refuses=("host-as-prefix",),
    ),
    _row(
        "subdomain-is-enough",
        "It compares names by their last labels: it accepts a certificate for a name below the host.",
        "The owner of a subdomain can act as the host.",
        fixes.NAME, ["subdomain", "wildcard-apex"],
        accepts=("subdomain",), refuses=("host-as-suffix",),
    ),
    _row(
        "host-contains-name",
        "It compares names by substring: it accepts a name that is a part of the host name.",
        "An attacker registers a part of the host name and can act as the host.",
        fixes.NAME,
        ["host-beginning", "host-ending", "parent-domain", "theme:wildcards"],
        accepts=("host-beginning", "host-ending"),
    ),
    _row(
        "host-begins-with-name",
        "It compares names by prefix: it accepts a name that is the beginning of the host name.",
        "An attacker registers the beginning of the host name and can act as the host.",
        fixes.NAME, ["host-beginning"],
        accepts=("host-beginning",), refuses=("host-ending",),
    ),
    _row(
        "host-ends-with-name",
        "It compares names by suffix: it accepts a name that is the end of the host name.",
        "An attacker registers the end of the host name and can act as the host.",
        fixes.NAME, ["host-ending", "parent-domain", "theme:wildcards"],
        accepts=("host-ending",), refuses=("host-beginning",),
    ),
    _row(
        "parent-domain-is-enough",
        "It compares names by their last labels: it accepts a certificate for the domain above the host.",
        "The owner of a domain can act as every host below it.",
        fixes.NAME, ["parent-domain", "wildcard-apex", "wildcard-two-labels"],
        accepts=("parent-domain",), refuses=("host-ending",),
    ),
    _row(
        "address-not-compared",
        "It does not compare IP addresses with the certificate.",
        "An attacker with a certificate for any other address can impersonate the server.",
        fixes.NAME, ["ip-mismatch", "ip-in-dnsname", "ip-in-cn"],
        accepts=("ip-mismatch",),
    ),
    _row(
        "wildcard-for-several-labels",
        "It lets a wildcard match several labels.",
        "The owner of a wildcard certificate for a domain can act as hosts of the domains below it.",
        fixes.NAME, ["wildcard-two-labels", "wildcard-double"],
        accepts=("wildcard-two-labels",),
    ),
    _row(
        "wildcard-for-the-domain",
        "It lets a wildcard match the domain itself.",
        "The owner of a wildcard certificate for the hosts below a domain can act as the domain itself.",
        fixes.NAME, ["wildcard-apex"],
        accepts=("wildcard-apex",),
    ),
    _row(
        "wildcard-anywhere",
        "It accepts wildcards that are not the complete left-most label, or that match a top-level domain.",
        "If a CA issues such a name, its owner can act as hosts of other owners.",
        fixes.SPELLING,
        ["wildcard-partial", "wildcard-middle", "wildcard-double", "wildcard-tld", "wildcard-bare"],
        some_of=_any("wildcard-partial", "wildcard-middle", "wildcard-double", "wildcard-tld", "wildcard-bare"),
    ),
    _row(
        "name-ends-at-nul",
        "It reads names only up to the first NUL byte.",
        "The owner of evil.example gets a certificate for HOST\\0.evil.example and can act as HOST.",
        fixes.NAME, ["nul-in-san", "nul-in-cn"],
        some_of=_any("nul-in-san", "nul-in-cn"),
    ),
    _row(
        "ignores-last-dot",
        "It ignores a dot at the end of a name.",
        "Nothing, unless a CA issues such a name; in the DNS it is the same host.",
        fixes.SPELLING, ["trailing-dot-san"],
        accepts=("trailing-dot-san",),
    ),
    _row(
        "address-as-text",
        "It compares an IP address with dNSName.",
        "Nothing, unless a CA issues a dNSName that contains an IP address.",
        fixes.SPELLING, ["ip-in-dnsname"],
        accepts=("ip-in-dnsname",),
    ),
    _row(
        "maps-characters",
        "It maps the characters of a name before it compares.",
        "If a CA issues a name in UTF-8, its owner can act as the host that the name looks like.",
        fixes.SPELLING, ["idn-ulabel-utf8"],
        accepts=("idn-ulabel-utf8",),
    ),
    _row(
        "accepts-version-1",
        "It accepts version 1 certificates of servers.",
        "Nothing, unless a CA issues such a certificate; its restrictions may then be ignored.",
        fixes.EXTENSIONS, ["leaf-v1", "leaf-v1-with-extensions"],
        accepts=("leaf-v1-with-extensions",),
    ),
    # The protocol -----------------------------------------------------------------------------------------------------
    _row(
        "unauthenticated-suites",
        "It negotiates cipher suites without a server certificate.",
        IMPERSONATE,
        fixes.VERSION, ["anonymous-dh"],
        accepts=("anonymous-dh",),
    ),
    _row(
        "unencrypted-suites",
        "It negotiates cipher suites without encryption.",
        "Every eavesdropper can read everything.",
        fixes.VERSION, ["null-cipher"],
        accepts=("null-cipher",),
    ),
    _row(
        "old-versions",
        "It negotiates TLS 1.0 or TLS 1.1.",
        "If the server has no newer version, the connection relies on weak hashes and CBC modes (RFC 8996).",
        fixes.VERSION, ["tls-1-0-only", "tls-1-1-only"],
        some_of=_any("tls-1-0-only", "tls-1-1-only"),
    ),
    _row(
        "weak-suites",
        "It negotiates weak cipher suites or groups.",
        "If the server has nothing better, an eavesdropper may be able to decrypt a recorded connection.",
        fixes.SUITES, ["static-rsa", "dhe-1024", "dhe-512", "rc4", "triple-des", "export-cipher", "cbc"],
        some_of=_any("static-rsa", "dhe-1024", "dhe-512", "rc4", "triple-des", "export-cipher"),
    ),
    # The handshake of TLS 1.3 -----------------------------------------------------------------------------------------
    _row(
        "no-proof-of-possession",
        "It does not verify CertificateVerify: it accepts a server without the key of its certificate.",
        COPIED,
        fixes.HANDSHAKE, SIGNATURES,
        accepts=("certificate-verify-other-key",),
    ),
    _row(
        "zero-signature",
        "It accepts an ECDSA signature whose two numbers are zero.",
        COPIED,
        fixes.HANDSHAKE, ["certificate-verify-zeros"],
        accepts=("certificate-verify-zeros",), refuses=("certificate-verify-other-key",),
    ),
    _row(
        "unreadable-signature",
        "It accepts a CertificateVerify whose signature it cannot parse.",
        COPIED,
        fixes.HANDSHAKE, ["certificate-verify-garbage", "certificate-verify-empty"],
        some_of=_any("certificate-verify-garbage", "certificate-verify-empty"),
        refuses=("certificate-verify-other-key",),
    ),
    _row(
        "signature-of-other-content",
        "It accepts a CertificateVerify that was made for another purpose or another handshake.",
        "An attacker can use a signature that the real server made in another connection.",
        fixes.HANDSHAKE, ["certificate-verify-as-client", "certificate-verify-replayed"],
        some_of=_any("certificate-verify-as-client", "certificate-verify-replayed"),
        refuses=("certificate-verify-other-key",),
    ),
    _row(
        "key-of-other-certificate",
        "It verifies CertificateVerify with the key of another certificate of the chain than the first.",
        COPIED,
        fixes.HANDSHAKE, ["copied-certificate"],
        accepts=("copied-certificate",), refuses=("certificate-verify-other-key",),
    ),
    _row(
        "skipped-authentication",
        "It accepts a handshake without Certificate or CertificateVerify.",
        "An attacker omits the messages that prove who the server is, and can impersonate any server.",
        fixes.HANDSHAKE, UNPROVED,
        some_of=_any(*UNPROVED),
    ),
    _row(
        "no-finished-check",
        "It does not verify the server's Finished.",
        "The client does not learn whether the server has the same keys and saw the same messages.",
        fixes.HANDSHAKE, FINISHED,
        some_of=_any(*FINISHED),
    ),
    _row(
        "forbidden-signature-schemes",
        "It accepts a CertificateVerify with a signature scheme that TLS 1.3 does not allow there.",
        "If the scheme has a weak hash, an attacker that finds collisions may be able to reuse a signature.",
        fixes.HANDSHAKE, SCHEMES,
        some_of=_any(*SCHEMES),
    ),
    _row(
        "predictable-secret",
        "It accepts a handshake whose shared secret everyone can compute.",
        "If the server errs in this way, every eavesdropper can read everything.",
        fixes.HANDSHAKE, ["key-share-zeros", "key-share-missing"],
        some_of=_any("key-share-zeros", "key-share-missing"),
    ),
    _row(
        "ignores-downgrade",
        "It ignores the value by which a server reports a downgrade to TLS 1.2.",
        "An attacker can make both sides use TLS 1.2, and attack its weaknesses.",
        fixes.HANDSHAKE, ["downgrade-sentinel"],
        accepts=("downgrade-sentinel",),
    ),
    _row(
        "lenient-handshake",
        "It ignores violations of TLS 1.3 in the form of messages and records.",
        "Nothing by itself; but errors in code that parses messages were often found through such violations.",
        fixes.HANDSHAKE, FORM,
        some_of=_any(*FORM),
    ),
    # Unknown patterns, and disputed checks ----------------------------------------------------------------------------
    _row(
        "revocation",
        "It does not detect that a certificate is revoked.",
        "An attacker with a stolen key can use it until the certificate expires.",
        fixes.REVOCATION, ["revoked", "theme:revocation", "must-staple-no-staple"],
        some_of=_any("revoked", "list-revoked", "ocsp-revoked"),
    ),
    _row(
        "some-names",
        "It accepts certificates for some other names; the pattern is unknown.",
        ANY_CERTIFICATE,
        fixes.NAME, NAMES,
        some_of=_any(
            "host-as-prefix", "host-as-suffix", "host-inside", "subdomain", "host-beginning", "host-ending",
            "parent-domain",
        ),
        known=False,
    ),
    _row(
        "some-chains",
        "It accepts some certificates without a valid chain; the pattern is unknown.",
        IMPERSONATE,
        fixes.CHAIN, ["theme:chain", "theme:signature", "theme:ca-certificates"],
        some_of=_any(
            "self-signed", "untrusted-root-sent", "incomplete-chain", "rogue-same-name", "rogue-same-name-noaki",
            "rogue-same-name-forged-aki", "intermediate-bad-signature", "intermediate-v1",
            "intermediate-no-keycertsign",
        ),
        known=False,
    ),
    _row(
        "some-dates",
        "It accepts some certificates outside their validity; the pattern is unknown.",
        "An attacker with an old key of the host may be able to use it.",
        fixes.VALIDITY, ["theme:validity"],
        some_of=_any(
            "expired", "not-yet-valid", "expired-intermediate", "expired-1963", "validity-inverted", "time-fractional"
        ),
        known=False,
    ),
    _row(
        "case-sensitive-names",
        "It compares names case-sensitively, so it refuses a valid certificate with capital letters.",
        "Nothing; but users often turn off the checks of a client that refuses valid servers.",
        fixes.NAME, ["good-san-case"],
        refuses_good=("good-san-case",), refuses=("wrong-host",),
    ),
    _row(
        "refuses-good",
        "It refuses valid certificates, which every client must accept.",
        "Nothing; but users often turn off the checks of a client that refuses valid servers.",
        fixes.ACCEPTING,
        [
            "theme:valid", "theme:validity", "theme:constraints", "theme:revocation", "theme:protocol",
            "theme:handshake",
        ],
        refuses_good=(
            "good-intermediate", "good-renewed", "good-wildcard", "good-ip", "good-san-case", "good-no-cn",
            "good-1000-sans", "good-unknown-noncritical", "good-critical-eku", "chain-out-of-order",
            "chain-extra-unrelated", "chain-with-root", "good-ed25519", "good-rsa4096", "critical-policy-unknown",
            "outlives-issuer", "nc-ip-only-dns-free", "list-good", "ocsp-good", "tls-1-2-only",
            "records-of-one-byte", "padded-records", "hello-retry-request",
        ),
    ),
)  # fmt: skip
