"""The cost of breaking a longer group, extrapolated from one measured time.

bits      40      42      44     ...     every 2 bits double the table and the time
"""

from tlsdemo.key_agreement import EXPONENT_BITS

YEAR = 365.25 * 24 * 3600

SIEVE = {  # up to so many bits
    512: "the number field sieve takes a week once for a 512-bit prime, then a minute per key exchange (Logjam, 2015)",
    1024: "with the number field sieve, 1024 bits are thought to be within reach of a state (Logjam, 2015)",
    2048: "the number field sieve is faster, but not fast enough: ffdhe2048 has a strength of 103 bits (RFC 7919 §A.1)",
}
SIEVE_TOO_SLOW = "the number field sieve is not fast enough, either"


def effort(bits: int, seconds: float, measured_bits: int = 40) -> str:
    """A sentence: the time and memory of baby and giant steps for a safe prime of `bits` bits.

    `seconds` is the time measured for `measured_bits`. Secret exponents have at most 256 bits, so the search does not
    grow beyond that. The estimate ignores that each step is slower with a longer prime.
    """
    searched = min(bits, EXPONENT_BITS)
    time = _duration(seconds * 2.0 ** ((searched - measured_bits) / 2))
    remark = next((remark for most, remark in SIEVE.items() if bits <= most), SIEVE_TOO_SLOW)
    return f"{bits} bits: {time} and a table of 2^{-(-searched // 2)} entries (extrapolated, not run); {remark}"


def _duration(seconds: float) -> str:
    for unit, length, most in (("seconds", 1, 120), ("minutes", 60, 120), ("hours", 3600, 48), ("days", 86400, 800)):
        if seconds < most * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds / YEAR:,.0f} years" if seconds < 1e6 * YEAR else f"{seconds / YEAR:.0e} years"
