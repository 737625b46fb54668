"""A conversation explained byte by byte, from the declarations of `wire`: what is sent, why, and what was checked.

conversation             a dissected conversation -> entries, in the order of the wire
rows                     a tree of spans -> rows of one value each
certificates             the DER elements of a certificate -> rows
values                   numbers -> names, bytes -> text
keys                     the secrets of a key log, and what is derived from them
proofs                   Finished and signatures, computed again
schedule                 every secret of our own handshake, from the shared secret on
by_hand                  the numbers with which a reader repeats a step
failure                  how a conversation ended: the alert, the side that refused, and why
judgement                the certificate chain of a refused side, judged as `pki verify` does
deviations               where messages and records deviate from TLS
as_data                  an explanation as plain values for JSON
as_page                  the same for a page
text                     an explanation as lines for the terminal
attacker                 what an eavesdropper learns from the same bytes

educational              the educational handshake as entries, while it runs
educational_capture      a capture of it as entries
educational_sentences    what each of its messages is for, achieves and reveals
json_rows                a line of JSON as rows

Pure: the bytes, the key log and the time are arguments.
"""
