"""ASN.1 as bytes (X.690).

der       writes DER, and reads DER strictly
ber       reads any encoding as a tree of elements, and reports where it is not DER
schema    the fields of certificates, requests and CRLs, and faults in them
"""
