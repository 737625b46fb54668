"""Fixed private keys for test certificates. They are published here: do not use them for anything else.

`cryptography` refuses to generate some of them, and others take long. Base64 of PKCS #8 and SubjectPublicKeyInfo.
"""

from base64 import b64decode
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1

from pki.asn1 import der


@dataclass(frozen=True)
class DemoKey:
    """A key pair in Base64, which `cryptography` may not be able to parse."""

    private: str
    public: str

    @cached_property
    def pem(self) -> bytes:
        """The private key, PKCS #8 in PEM."""
        return der.armoured("PRIVATE KEY", b64decode(self.private))

    @cached_property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo in DER."""
        return b64decode(self.public)

    @cached_property
    def is_rsa(self) -> bool:
        """Whether its algorithm is rsaEncryption (RFC 3279 §2.3.1)."""
        return RSA_ENCRYPTION in self.spki[:32]

    @cached_property
    def identifier(self) -> bytes:
        """SHA-1 of the public key's bits (RFC 5280 §4.2.1.2 (1))."""
        _, bits = der.children(self.spki, der.read(self.spki))
        return sha1(self.spki[bits.content][1:]).digest()


RSA_ENCRYPTION = der.object_identifier("1.2.840.113549.1.1.1")

RSA_512 = DemoKey(
    "MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEAs2KdEUFa0C54Gg8mACNbM9KPCVqybvUee1s4itMFfsULFMx0JMl+6uz0ew00znA9"
    "CLHQG7jALZep/gNv1JAsHQIDAQABAkEAiDFdqMUiyp4NR1Oq+T3et4isWmDGyiFGBEfstNGkAWsYOMhjvrm4rMxK7owSvL7YVQQZKEyJxruaqRYr"
    "VCwKDQIhAOc10ppmoN75pJNNZrai72wYmTYGR5Z1RUVGwyX4/C5vAiEAxp5QyHHYd/vV1nb01EhmUalVqsRXyEMOENP/RNmR1DMCIQCdkIpjeokr"
    "K0nCsL7MvCEZs3HF5WWn3WdFnMGlARcqtQIhAMOqpWTCmwGgzAnqyMj0xi/+xRFlOiFkxc+YOetm9333AiAP4bscYW5Lgr6X/hFogsvBiFa/pd9z"
    "QJDXcN/gLnR07A==",
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALNinRFBWtAueBoPJgAjWzPSjwlasm71HntbOIrTBX7FCxTMdCTJfurs9HsNNM5wPQix0Bu4wC2Xqf4D"
    "b9SQLB0CAwEAAQ==",
)
"""512 bits. Such a key can be factored within hours on rented machines ("Factoring as a Service", 2015)."""

RSA_768 = DemoKey(
    "MIIB5gIBADANBgkqhkiG9w0BAQEFAASCAdAwggHMAgEAAmEAsZq8YLy7KMtkK46mtb+QwiHjH/STsxyYWKO3Zo/uGoDffDgtsQ3km2I+Wgcl5+lq"
    "H6BQdAKCIMjYAYncrCWkbt9xSkbAGyrADg3xWo086dswfBZd5neZEiKOyl7BM2+xAgMBAAECYGj3+Up7gWqU+3k68JEOzbHPcXubhAgiaHBLIsQ9"
    "YQ7NCElUsryoZ2rm38851k+BBjlsp29OZrT/jXhMeIt2eOo4DPEOJU69V/SVH+B4BP1yutfDWD8vEsXvdZUUNa3yIQIxAOLtwZBK/pD9NbLWYVvp"
    "nKVWexAL6WOo5fbZ4X0AKlqtBBUx/k6CPDwEzbz8YjuOTQIxAMhbXTp4VH699o/vIW3S3NYSplrVFNZXY9OSMzosPQUrV8FAZkqznWNhGtdPL6VA"
    "9QIxAKkW4dEjoFXm5tlQFpGHG9qy+tW1Gn3Q/zGVnggnVGfmXZFxg/1522oZZjf4kzWvTQIxALXFvkVH2lDKg6F+MHP09In7jZWm8CquSlEuuO80"
    "J4BDHHClvqhTYJ1DAhkJLI7e6QIxANSsy+jmkaoF2S23Ev5+KhIK8ZljoDhblCV+ku3FVeC5J0yh8GA/LyJdpGbhOEJeWQ==",
    "MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhALGavGC8uyjLZCuOprW/kMIh4x/0k7McmFijt2aP7hqA33w4LbEN5JtiPloHJefpah+gUHQCgiDI2AGJ"
    "3KwlpG7fcUpGwBsqwA4N8VqNPOnbMHwWXeZ3mRIijspewTNvsQIDAQAB",
)
"""768 bits. A key of this size was factored in 2009 (RSA-768)."""

RSA_4096 = DemoKey(
    "MIIJQQIBADANBgkqhkiG9w0BAQEFAASCCSswggknAgEAAoICAQCAk4BPETGcEqVVbjMbhVT9Ad7UoW7VHfeP1kNkQ6kOoiOLahscwkhculTZgPLh"
    "TtVDHEcF413lP2I8P9qXeJ72xUpYx6SPAF4CChjmLVf5ySUpV1ceFZT0GqRYnFZrEgHfFsKuwwzH4mQLOCZtpPRA64lv8OLax2xoU1LikYmwpg3y"
    "XPlZNHQcqQQh/JYNtyw/xHa9C9Xpcpg+1rsUbFZMcfoKImcpPrbWR5/icCL+6VDqMyWXe8NgmfLS0FbzASMxixX57Jgfs3VQeZ3QsHajR7Pv5kZr"
    "CCoQVFTqnw+tPVxy8WX4BZD/+oCBXUwxSTA9k/nspxtfTFYHIv7BpN6WG4+785pDcI1VshkmqKkOkgNSBreySP/X63PJzevHdf8y9yPJCplH5Tf5"
    "fXJRRCIWhCnSEntrT7zU7MvJLVybom6rzqk6MPxFPDp1gxjU2Y19bQvAblTckF7Bn1OqLFkJQpmk1fuHcHYl5BI1NSGSY1ZYIh1HlDi29WX0BwBJ"
    "3LMp7THL2o0KnbY3QHQwwS9+PsdCaVgOBvRmYj0oW4KwcVJ1/PprhyBV3b6WbWIFTEapcZq8+pgUqLIegMbKZ4nL1RlvHfZIcHdFz4VQdPi59AWs"
    "U8VHGeY81H417erH1RpXpmCW07BmJpy48RRT+/w2+cPV/ckDVU+2z1i0yLgvDwIDAQABAoICABDEa4akHN6YFeSKrvKHVDp8XHVJKh1zv32L+RTh"
    "t/G3FkCPkUKSWYJyMC9/H+1e7PPIA8ESUgPb3LEzuItpSP2wY84pFt4pM5k7fNzDjAYAg66c+7jqIpckxErj9GcZHZJcsv28ZPXKIbbO10AUM2Al"
    "9zHYbZUPTaVbPGNcjGKzfP0ev8uwyfWU2vudp2nZedVFByEHIpnDfnQvZ401xZlJgcyBiQd5bLmL9J9AdWfdwFYSXnQfSS7XVLHGRpiBDPhghXim"
    "sH3t1r4sZfa5lHcdmisOUh+SHH4tqTdBj/dNGbnJnj0WaL7hCZIVOyLwQvC80+pXLnwihdN/bk6NdBNa6gXPMrkE6s+7ppTvV253qsBDqYne9Onj"
    "xgwexThw9TjzdpfbRlXQqiXvXo2RZJWAWLp2S5iV/bUX5u3ydsDcCKICK4Q3eJwvMrl8MPYpLFQWEMkBw31pQdPEvFKtYR69fs9UuOdLFXrt6Gkh"
    "w6Yw16yjO5FiQ+Dm25RSoNkStQgpr7begtD4UDJ+vIOFjZnjNU2V0sAJ316qcQN9QqUP3IRmuRhZnAXoTHctwgU4kLxoPo/TyZ1Pf+JNXvzfzU4c"
    "c0EC3CFSSSPLB2ZJ1hc4T8zzOK5xkFk5vTnnH4p+9yvz5VvGHON6Bdz89T/vO36/jx1+ojZs/ju8u7CSox/ZAoIBAQC1nJEaRo8aGkvClNmHDnm5"
    "OidBqQyk6zONt3UII+KX0pr28nevYmF9zCugOHrpJ35Uy9jKa8DKX6Q5QaXmotdMEIEARKXdFVYCOhYCJhnUYJIMLd3UKVThGUTAftjAxLg2rjwj"
    "La3IIJ5+T82Z7D/3nK1cIM6+tGz1yzvPfE1faXMASN/P6Iq/qhWpOijVAVVUvJ8WIz8FnfhZbgiQRd4ORgifJaVg5uCL3k06HmSw6/ZrLs4qKFw2"
    "5tBhjDDEGeqrtglqVQL9DMzOjozPjyuctAncOSelJoqV6T/ZqE5wc0oUpdE2KqSMfvl3jk4TcNFnHkuzSxAMHDYn4ey4Dou3AoIBAQC1Pb7fuJy6"
    "3AmMHue5m7mztiIs9TNHDPaol5DpBrc6WiBQmi0pPuzIvfbipd4Vx/X1GZ/9EfYL+4X9zy+PfgtdOjyDytCnsCEezl/s8rhSAdpl0/QMgPP1zjIx"
    "mxmHJJXcpqfADTeMTdw+tFcYtMqn0QvuZxbJDFG0WJdZ8TyWvtpLV8OsDtYCtK/X3d7S8MlK4F1KD3IGZw2S66wW1kAbgGZ/+oN7JbAzBwv7piVf"
    "2jagq2cc9ICun9z2xIPWn2dgfgb/19d2jBfrIwbD+AO3yNAZ1UAGADzth0SjL5Hdfv4FboT9q1Sh/7Q3qbswb4pTEuZciG6weiBtuvJ4SCdpAoIB"
    "AB5aKWIT0szRAkJl8CkDQVK0pmTx5NwXNwmDVLrkjHVFTILjKR+VuKd2nP/tEJWw9Qsk+nlyIslvzJmJIDn4kzTyOS0bTAE0FKjQnmcDiSOWdDI2"
    "5DEWK0pnl7b4PC+TcRoqaoCSnM2qrfJ8UedctaAjflG8ZfE3ZFJ8AeX+Z0v/6qlshINR4QaBXZdn0fUvgNxlnczsXRcKPLxtiF7cXm1SRRScDRSx"
    "4Wte3tdMxxVOimOFcg1Xq3m9f6wd6vSLRE4oYVB1Hse+AOiwqFX0HpzU9iTpJHgUheriDbrJxzpB+mqS//EmlVOp0PWrQd875rNuO8aeT/NGL8Lg"
    "nlhwjecCggEAM0kqpwIFj7bOGNFx/wq67MigORqVjQh1D9X70oTs+l0ggc5u8xn0RQXEQ/RtuLohtl6u8BzSBCgDjYPAUJl5O8NL9ntAugLUDHSX"
    "nmQ8ljAiDeiBSbx/zFGx0Gm0OpK2uX6LP4Q98LzjkvbTIpGeOwijmK2hO/j5cdAT3Aawf3O4L9PA8gIsuw1IKQyGjihGvaJpo5hlSryEkcuQodG0"
    "yFN4LcTEyecrSfU3hdlJACuug56dCguCEmf4Tffj2qq2xQ5EiscYGFqiNg5uTqvy2WHAyV6XxFry4sABQzAl1Yim9wCEL4f45fKGm62y44zclo9l"
    "kk+lCtk0LfjVvgWk6QKCAQAHbxfPXRnPqudr/R9xiEqK9M7P5BC1Q0ZnsY0Yzsg27s0puTN5vwZd7P4QX8B8e12VV4Vkc8GHut9cCdv1ArfMWJ7l"
    "fvCulC/E1U7Tzygr5uGNSQdzQo1IkaQB0ttP3nPdx/fQ/MxFv/bBs9bd0Gws3EnYhzQu8JitXG3pYdDIitegy3pUFkhZ1n2PnUfaHJ9A+O14JMwH"
    "6uxPDZgDMka6yLHPUbBBMYvyPVMDDnbZ4KX25J/lgEEfpPyfq03KRLo3ZsIl33smZ/d0FZL6fbZ9RKHOfo5i1mRalWTCbdt3sDKYk8lRbmmI+4Nw"
    "jIqtXQoSNwnLm65t//HWon2cwvS8",
    "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAgJOATxExnBKlVW4zG4VU/QHe1KFu1R33j9ZDZEOpDqIji2obHMJIXLpU2YDy4U7VQxxH"
    "BeNd5T9iPD/al3ie9sVKWMekjwBeAgoY5i1X+cklKVdXHhWU9BqkWJxWaxIB3xbCrsMMx+JkCzgmbaT0QOuJb/Di2sdsaFNS4pGJsKYN8lz5WTR0"
    "HKkEIfyWDbcsP8R2vQvV6XKYPta7FGxWTHH6CiJnKT621kef4nAi/ulQ6jMll3vDYJny0tBW8wEjMYsV+eyYH7N1UHmd0LB2o0ez7+ZGawgqEFRU"
    "6p8PrT1ccvFl+AWQ//qAgV1MMUkwPZP57KcbX0xWByL+waTelhuPu/OaQ3CNVbIZJqipDpIDUga3skj/1+tzyc3rx3X/MvcjyQqZR+U3+X1yUUQi"
    "FoQp0hJ7a0+81OzLyS1cm6Juq86pOjD8RTw6dYMY1NmNfW0LwG5U3JBewZ9TqixZCUKZpNX7h3B2JeQSNTUhkmNWWCIdR5Q4tvVl9AcASdyzKe0x"
    "y9qNCp22N0B0MMEvfj7HQmlYDgb0ZmI9KFuCsHFSdfz6a4cgVd2+lm1iBUxGqXGavPqYFKiyHoDGymeJy9UZbx32SHB3Rc+FUHT4ufQFrFPFRxnm"
    "PNR+Ne3qx9UaV6ZgltOwZiacuPEUU/v8NvnD1f3JA1VPts9YtMi4Lw8CAwEAAQ==",
)
"""4096 bits; slow to generate."""

DSA_2048 = DemoKey(
    "MIICXQIBADCCAjUGByqGSM44BAEwggIoAoIBAQDFmJKzX9Z2GLq51fuUcbFmx/Gvi4qY0DE5dKgtrBhvz19AMx/XYigkBjk76l75mVOJCSikmDXZ"
    "LFWtpNALV0ypdxUAz6ZpA9EAWLmft6KFfPTkMAdyX7VsdDUoRtTNzD/Rboe1dD6UYfEQoVCt2w7kZO9ntSbEQSYdrgQPVGrQ6ZtM0F+r1nOviVEe"
    "4q4O3Wtt/A7QKOaV4hc7Mjr+1dlqLqYXkgof4SPiRtu3fhuOEW1Yu496k8uhVeH+dB6Ql1aG86uHFGQThBYPO6dj3wnm6P2euoIkQ94GCkRpugYk"
    "IwWPGHjMXACiABnCjfp2pW67whmvd8XBdsfDNzFZN17/Ah0A2sEyUfdcY15DGbQtjEAwnR+6xRmZT/BOc1bYMwKCAQBIyC3mZcL/gcYLzzVkLQII"
    "9lRGZrl+TmLNdpy6Sbe+KCZyRcg97OwGXRIwbTEZ7tPAbwxkzRrLZoKQ9wjo/ofpv8ABpHFQZUyGoDiaMqdUwvve/+StRmShdN8Bi3Sb+jmA8UYM"
    "uegJDlsXhaQ7xQ1ataLDZBtkB4CS+yIP87N/gLF0vDlzC8RLFpJ48SBdCH75rFCFZ8GBoBQUErwal7/f3pKadzakkC0jVEL6mBXlEuGUZrNbY2UO"
    "piJtiT2byM2+7zoOWGZQVIf6TI51JiafJUvbMSzfM6rSH4U5/KTjFiyUZkT8l9M+Uv1K0vqDLufi25LJi7S+J85JipXEWn5UBB8CHQC6kcVNuHyq"
    "PIXfpZkCbUrqMyPpJn2VrJoq3C1z",
    "MIIDQjCCAjUGByqGSM44BAEwggIoAoIBAQDFmJKzX9Z2GLq51fuUcbFmx/Gvi4qY0DE5dKgtrBhvz19AMx/XYigkBjk76l75mVOJCSikmDXZLFWt"
    "pNALV0ypdxUAz6ZpA9EAWLmft6KFfPTkMAdyX7VsdDUoRtTNzD/Rboe1dD6UYfEQoVCt2w7kZO9ntSbEQSYdrgQPVGrQ6ZtM0F+r1nOviVEe4q4O"
    "3Wtt/A7QKOaV4hc7Mjr+1dlqLqYXkgof4SPiRtu3fhuOEW1Yu496k8uhVeH+dB6Ql1aG86uHFGQThBYPO6dj3wnm6P2euoIkQ94GCkRpugYkIwWP"
    "GHjMXACiABnCjfp2pW67whmvd8XBdsfDNzFZN17/Ah0A2sEyUfdcY15DGbQtjEAwnR+6xRmZT/BOc1bYMwKCAQBIyC3mZcL/gcYLzzVkLQII9lRG"
    "Zrl+TmLNdpy6Sbe+KCZyRcg97OwGXRIwbTEZ7tPAbwxkzRrLZoKQ9wjo/ofpv8ABpHFQZUyGoDiaMqdUwvve/+StRmShdN8Bi3Sb+jmA8UYMuegJ"
    "DlsXhaQ7xQ1ataLDZBtkB4CS+yIP87N/gLF0vDlzC8RLFpJ48SBdCH75rFCFZ8GBoBQUErwal7/f3pKadzakkC0jVEL6mBXlEuGUZrNbY2UOpiJt"
    "iT2byM2+7zoOWGZQVIf6TI51JiafJUvbMSzfM6rSH4U5/KTjFiyUZkT8l9M+Uv1K0vqDLufi25LJi7S+J85JipXEWn5UA4IBBQACggEAOvZdhZj3"
    "+QQLz4B2hQrHq8I1jtHeqHYMT4TvAY5I9z5HWnKYy59qTBDTTS1w2HzA0VtFL694/Qz8nTbDkDAUTv0a285PVlDd5sjDKdG9ucSWOkVMGn+hjneY"
    "xarY0jTVb6CeiJE018tvKEjQ5gsv4DHjRIBHRLUUTiyVpeCmzHFnMHrrEXccRrxOabAFQ75whxH/Vtu6seyp7O7Oy4hYaCxm4a/zKquMgCOScb/4"
    "gHTxSxYVj4oodhu5XUvDpA2QJdXaMmdfiSKJFb+wt1YG16PKt5Dek+6ga9XDkduQTxToKSMRBTY17NueccWeR4L87hHxZeG6HvEflFPdrcE5iw==",
)
"""2048 bits; slow to generate."""

PUBLISHED = DemoKey(
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgiHLOeRhMiVlCfQCDtoJSuwKCu3tKF7SwJfnfamNPVlChRANCAARNAoP9aHj8HaL7"
    "wVyc4arqk6ZnYsQ9AHj3sJ3lfUtzD3kxmCCnZTMCFMq/zs2xiT+56qzmzN4LGsA1pUnZoZbk",
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETQKD/Wh4/B2i+8FcnOGq6pOmZ2LEPQB497Cd5X1Lcw95MZggp2UzAhTKv87NsYk/ueqs5szeCxrA"
    "NaVJ2aGW5A==",
)
"""P-256; its only weakness is that the private key is published here."""

EXPLICIT_P256 = DemoKey(
    "MIIBeQIBADCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////MFsEIP////8AAAAB"
    "AAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEE"
    "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+8"
    "5vqtpxeehPO5ysL8YyVRAgEBBG0wawIBAQQgHGQcAqvc7l1/QSWWuNuv4rR9S9jAif3V8XQowpbXJrKhRANCAAR7ky5pCFoW4LiiclZ0RsDXw+8j"
    "lPEmIi6OGeZNVF3jX9mUhf6E+YePjFSFtDNPAUfZR6wBOtIYmiBgD0r4Zu1z",
    "MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAA"
    "AAAAAAAAAAAA///////////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEEaxfR"
    "8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqt"
    "pxeehPO5ysL8YyVRAgEBA0IABHuTLmkIWhbguKJyVnRGwNfD7yOU8SYiLo4Z5k1UXeNf2ZSF/oT5h4+MVIW0M08BR9lHrAE60hiaIGAPSvhm7XM=",
)
"""P-256 with explicit curve parameters instead of the curve's name."""

RSA_E3 = DemoKey(
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDSbtcxcgl8r0cpZZV7Luk84867KLWNQrz3AnkMbri4aJGKXbSPO83cte0Us7WH"
    "xoVBFl4XmjtGAvz02bwSJ26Wd6c3SEaxkfwsDxfnbkuJEAelGn7GNG/05GH2d0D6xBs/seb5QC29WcZZKxRMSjR/NzdNMtdOv74Q7CVkx3VJUxf0"
    "Cs7l8dZVs2nCCLmMa3h4lgGnyps1mEnzo5w9rCI4EIKzinsdXHVavDcNxucn7YnR7+5Y8MGp9IHtrPJDAHmi3ujezTnDOIk2Lvveoa5lm6PCnklx"
    "zrHC8dyrcF80+C88D2hOAuA7pDCjmMvSlsl/DogHMJzq8RsgXNzCHtv1AgEDAoIBAQCMSeTLoVuodNobmQ5SH0Yol98ncHkI1yikrFCy9Hslmwux"
    "k8200ok9zp4NzSOv2a4rZD66ZtIurKijO9K2xPRkT8TPhYR2YVLICg/vnt0GCq/DZv8uzZ/4mEFO+itR2BIqdpn7gB5+O9mQx2Ldhs2qJM+IzI+J"
    "1SlgnW5DL6OGNi9FX2ZHs7/lsQ2gjvhjRJfYHWFGFf8CnbHQu1sF5w/Noq28t1J2P1VQY7LYsIj5UFma1Oe1GpZGoHWAUM5DvDpSdCkC9tPymoqC"
    "37r/4yuYLuqGvByT4s7SEiwwuPG9rRmGxhO8b548nOZ94wVOqDJ0PCWhLhwCpioavSSbHpWzAoGBAPaIq8S9+ilS//5gVHD9OgYBO7SC7cjWGHS0"
    "g7rPnqwkYmcEY5knyXfb7kV47V00iL1DUcsWTveFRMHILgeKNyDXm/zIywjt8pBfn4JiahJTnThLrfy1idBhdsiYXeg94gRj3vrhNVfwT1wf9ouq"
    "QtcbSLJztl5MZ5wkoJxwZMc3AoGBANqDT/C8ag0qKdbw3dP6So6zLjs7u9Pbk0qGBtjlMt5fOhcUE+ZEM/2GOGVP0Lx9bEYmXsey+ei6vw/lBbVT"
    "LwFPlK6Rj/LpXikSP+D8YtqtuAus1iHecKsmX9HJ/QxakoSOB0/SJhrwaXrGzbgyV6a1a50htRSakD/ToIlpDDQzAoGBAKRbHS3T/BuMqqmVjaCo"
    "0VlWJ82snoXkEE3NrSc1FHLC7EStl7tv26U9SYOl85N4WyjXi9y5ifpY2IEwHq+xehXlEqiF3LCeobWVFQGW8WGNE3rdHqh5BorrpIW66UV+lq2X"
    "6fyWI4/1ij1qpF0cLI9nhcxNJD7dmmgYaxL1mITPAoGBAJGs3/XS8V4cG+Sgk+Km3F8iHtIn0o09DNxZWeXuIemU0WS4DUQtd/5Zeu41NdL+SC7E"
    "Py/MppsnKgqYrnjiH1Y1Dcm2X/dGPsYMKpX9lzxz0AfIjsE+9cdu6ovb/gg8Ya20BN/hbrygRlHZ3nrMOm8jnRNrzg28YCqNFbDwss13AoGATTQY"
    "KADh2dba2kvqs+bfJXbBNxnegXOMMW5e7R7nkVrEfoHStEpvQLXoQ697gRdnu+AH4heig/jpk/Jhgl+yCSce+LVYuyNDHeMvHCRn5GS/E/gop9Mt"
    "zW11pgQUAG3ACfYlHPb3VLfTolrMVrzrtXLCLspzTO8Ebc9C+lim9L0=",
    "MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEA0m7XMXIJfK9HKWWVey7pPOPOuyi1jUK89wJ5DG64uGiRil20jzvN3LXtFLO1h8aFQRZe"
    "F5o7RgL89Nm8EidulnenN0hGsZH8LA8X525LiRAHpRp+xjRv9ORh9ndA+sQbP7Hm+UAtvVnGWSsUTEo0fzc3TTLXTr++EOwlZMd1SVMX9ArO5fHW"
    "VbNpwgi5jGt4eJYBp8qbNZhJ86OcPawiOBCCs4p7HVx1Wrw3DcbnJ+2J0e/uWPDBqfSB7azyQwB5ot7o3s05wziJNi773qGuZZujwp5Jcc6xwvHc"
    "q3BfNPgvPA9oTgLgO6Qwo5jL0pbJfw6IBzCc6vEbIFzcwh7b9QIBAw==",
)
"""2048 bits, public exponent 3."""

RSA_2050 = DemoKey(
    "MIIEvwIBADANBgkqhkiG9w0BAQEFAASCBKkwggSlAgEAAoIBAQK5eqqWWck6ehXEzE03M8tkDviGcsYyG8rOpPHT306ksL1CLTvAZKi7VRYOIJOB"
    "QztHSaC0YZSNJP86azJHkeiBSsVPiFUbGzybtGICsY/lndJEsO6ULi9WDDcrdDpmfBrkurY354rwofQACl6sLT1dBEZnnfEjWEvlhoVuxXX29AQ0"
    "kBdN5ezgtWGBqDdDPVOhUViDw8v0d/d7UpBuusQPnz90hlg9zsidhU7HSc79R3lnYdkuNoEsn+mnA5QdMHrBuy2f1gFJKCI5dqcXn2omM2c5+opV"
    "ysYTlcXHiFDknP8J6NMI+iWzDjauflqANYj+d8J4h2lhR7djU4wPnrpLAgMBAAECggEAAhr5xzG7wp1gmu83orJb/cMN7eoMboRu23trwYkP74Qq"
    "0NwRVv5dUoOvfetIQScSwA0VORfNDD+n11Rfu2NkBuw2EkhwbSn6wDaXhCBXRSxXd+5T2y3v+tNhvIQ4fmtA2g86Q8RijsnScbNshD7XPpvj3jrq"
    "z5PhPGcUw6R/qVfjdlFM+svDOqFX9sEIkXPlZdV0pJxdn7rxRPTHD82rhS4BGw+3y+k4IGn63mlVYIt4AJTUY5DwOw3UWRi8KXqUu97V+UuLv379"
    "xBKG/iUUltFLvwv7Ss5eDHpBAEBUNj7lv9Dhgc1p3eauhDF2hU5DrYSh2/hT2Z0RNNk0F26y4QKBgQHDKZR9FLNj9lkU3Ce2lM0ej5wRXPx0yGAT"
    "PJYVkRKLkWkcZ1EjmjkHS/Y+K3gyLM5vWtb2cNLRQVtXv+GJrtDFeMOvZTV1abpWvhNa59VPmJOTWsGxxwU5fU9pNfjln6oNv708JTbHghfZItuI"
    "SOrzXhID+AddHUAE1M2ou53m6wKBgQGLxAzYmKhhjwxeRGyb1cFipRdCtTuv8ThPSB3rvZzylWgkwywy8LukxOwznBJuSwpZYlcAz0tB2q8gc3iR"
    "FI7I+FdIm1pH8jn4ewWJ/Iond6e73wvGdvEgsZz1pO1aLaIYtPyLqotRxI4JOTZiaD34CEl/3yJoiZFMl+VlbhpiIQKBgQF1ley7VnTlhYxmVZcc"
    "/UKM1+YoCpOSMIo946Fz4lk08QfU2Ui67m3iuOgCuwQgqDGYy+PM1cf8Nt5oXx9nXzbJDiMcDfaibxY51dM5J1ffPTyWfER/7YlJ/ZXQTTz5B6lN"
    "EUSllTszIWqWBuM6iwbi1zabyrpuRFZKqdxSqGksWQKBgQF0spJ6YwCmpwS5vWweMOVl1RybmHp2DQ6/MqXiu/SSSfsCK75y1luPJlddnsuIjChZ"
    "1o8iVxSDFsK3J6bR0W9JeP0RhiM1/7lx88BamrUrx7Xw6XJ4WshmxnyOo9tVggXViJMPn/KFdTlhHDzH3W0GKB+3SNVpZqurWpwPseksoQKBgQDt"
    "7L07Si53rFliGfXUz61am1pIdhwYuhaT+uEibMNmWAGJeLnqpEG41T5XT8rxcOTmr8ddGZsQ2+FrNo0FedU5vJbCGeUi+iMXjBlfFA4FgqkyN3eI"
    "c0b2blbwwjkjikKgCo8Zc/wEtZ5Pn+gqhfCdUrymF234Uinw0AQdOk7qKQ==",
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQECuXqqllnJOnoVxMxNNzPLZA74hnLGMhvKzqTx099OpLC9Qi07wGSou1UWDiCTgUM7R0mg"
    "tGGUjST/OmsyR5HogUrFT4hVGxs8m7RiArGP5Z3SRLDulC4vVgw3K3Q6Znwa5Lq2N+eK8KH0AAperC09XQRGZ53xI1hL5YaFbsV19vQENJAXTeXs"
    "4LVhgag3Qz1ToVFYg8PL9Hf3e1KQbrrED58/dIZYPc7InYVOx0nO/Ud5Z2HZLjaBLJ/ppwOUHTB6wbstn9YBSSgiOXanF59qJjNnOfqKVcrGE5XF"
    "x4hQ5Jz/CejTCPolsw42rn5agDWI/nfCeIdpYUe3Y1OMD566SwIDAQAB",
)
"""2050 bits."""
