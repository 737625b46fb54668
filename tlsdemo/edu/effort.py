"""What a longer group costs one who listens, from one time that was measured (an extrapolation, nothing is run).

bits      40      42      44     ...     every 2 bits double the table and the time
"""

from tlsdemo.edu.key_agreement import EXPONENT_BITS

YEAR = 365.25 * 24 * 3600

SIEVE = {  # up to so many bits
    512: "the number field sieve did 512 bits in a week once for all, then each exchange in a minute (Logjam, 2015)",
    1024: "for the number field sieve, 1024 bits are thought to be in reach of a state (Logjam, 2015)",
    2048: "the number field sieve is far better, and still hopeless: ffdhe2048 is rated at 103 bits (RFC 7919 §A.1)",
}


def effort(bits: int, seconds: float, measured_bits: int = 40) -> str:
    """A sentence: what baby and giant steps would take for a safe prime of so many bits, if `measured_bits` took this.

    From 256 bits on, the exponents are searched, which do not get longer. That each step is slower is left out.
    """
    searched = min(bits, EXPONENT_BITS)
    time = _duration(seconds * 2.0 ** ((searched - measured_bits) / 2))
    remark = next((remark for most, remark in SIEVE.items() if bits <= most), "the number field sieve is hopeless, too")
    return f"{bits} bits: {time} and a table of 2^{-(-searched // 2)} entries (extrapolated, not run); {remark}"


def _duration(seconds: float) -> str:
    for unit, length, most in (("seconds", 1, 120), ("minutes", 60, 120), ("hours", 3600, 48), ("days", 86400, 800)):
        if seconds < most * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds / YEAR:,.0f} years" if seconds < 1e6 * YEAR else f"{seconds / YEAR:.0e} years"
