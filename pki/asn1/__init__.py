"""ASN.1 as bytes: DER written, BER read leniently, and what the elements are called (X.690)."""
