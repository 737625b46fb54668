"""How each kind of defect is corrected, per ecosystem: data.

`general` is the rule; each ecosystem says it in the names of its own interface.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ECOSYSTEMS = ("curl", "OpenSSL", "Python", "Node", "Go", "Java", "Ruby", "PHP")


@dataclass(frozen=True)
class Fix:
    """A rule, and what to write for it in each of ECOSYSTEMS."""

    general: str
    curl: str
    openssl: str
    python: str
    node: str
    go: str
    java: str
    ruby: str
    php: str

    @property
    def by_ecosystem(self) -> Mapping[str, str]:
        """In the order of ECOSYSTEMS."""
        values = self.curl, self.openssl, self.python, self.node, self.go, self.java, self.ruby, self.php
        return dict(zip(ECOSYSTEMS, values, strict=True))


CHAIN = Fix(
    "Let the library validate the chain up to a trust anchor, and end the connection if it fails.",
    curl="Remove --insecure (-k); name a private CA with --cacert FILE. In libcurl set CURLOPT_SSL_VERIFYPEER to 1.",
    openssl="Call SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL), without a callback that returns 1, and "
    "SSL_CTX_load_verify_file().",
    python="Use ssl.create_default_context(cafile=FILE), not CERT_NONE; with requests and httpx verify=FILE, not "
    "False.",
    node="Remove rejectUnauthorized: false and NODE_TLS_REJECT_UNAUTHORIZED=0; pass a private CA as `ca`.",
    go="Remove InsecureSkipVerify; put a private CA into tls.Config.RootCAs.",
    java="Remove your own X509TrustManager; use a TrustManagerFactory with a KeyStore that holds your CA.",
    ruby="Set verify_mode to OpenSSL::SSL::VERIFY_PEER, and ca_file to a private CA.",
    php="Leave verify_peer at true and allow_self_signed at false; name a private CA in cafile.",
)
ANCHORS = Fix(
    "Take trust anchors from your own configuration alone, never from what the server sends.",
    curl="Name the CA with --cacert FILE; do not build that file from `openssl s_client -showcerts`.",
    openssl="Pass the server's certificates as untrusted ones only: no X509_STORE_add_cert() of what "
    "SSL_get_peer_cert_chain() returns.",
    python="Load anchors with load_verify_locations() from your own file, not from get_unverified_chain() or "
    "get_server_certificate().",
    node="Fill `ca` from your own file, not from socket.getPeerCertificate(true).issuerCertificate.",
    go="Put the server's certificates into VerifyOptions.Intermediates, never into Roots.",
    java="Build the KeyStore of anchors before the connection; do not add chain[chain.length - 1] to it.",
    ruby="Fill OpenSSL::X509::Store from your own file, not from SSLSocket#peer_cert_chain.",
    php="Name anchors in cafile; do not use capture_peer_cert_chain to make that file.",
)
NAME = Fix(
    "Let the library compare the whole name, with the name that the user asked for.",
    curl="Remove --insecure (-k); in libcurl leave CURLOPT_SSL_VERIFYHOST at 2.",
    openssl="Call SSL_set1_host() before SSL_connect(); for an address, X509_VERIFY_PARAM_set1_ip_asc().",
    python="Leave check_hostname on (ssl.create_default_context()), and pass server_hostname; compare no names "
    "yourself.",
    node="Remove your own checkServerIdentity, or end it with tls.checkServerIdentity(host, cert).",
    go="Remove InsecureSkipVerify; set ServerName. In VerifyPeerCertificate call leaf.VerifyHostname(host).",
    java='Remove your own HostnameVerifier; call SSLParameters.setEndpointIdentificationAlgorithm("HTTPS").',
    ruby="Leave verify_hostname on, set SSLSocket#hostname=, and call post_connection_check(host).",
    php="Leave verify_peer_name at true; set peer_name if the address is not the name.",
)
COMMON_NAME = Fix(
    "Compare subjectAltName alone: RFC 9525 gives the common name no meaning.",
    curl="With OpenSSL, curl compares the common name where the certificate has no SAN: reissue it with a SAN.",
    openssl="Call SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) beside SSL_set1_host().",
    python="Set SSLContext.hostname_checks_common_name to False; read no subject from getpeercert().",
    node="Remove your own checkServerIdentity; tls.checkServerIdentity looks at the CN only where no SAN is present.",
    go="Call leaf.VerifyHostname(host), which ignores Subject.CommonName, and compare nothing else.",
    java='Use setEndpointIdentificationAlgorithm("HTTPS"), and read no CN from getSubjectX500Principal().',
    ruby="Require a subjectAltName: OpenSSL::SSL.verify_certificate_identity falls back to the common name.",
    php="Leave verify_peer_name at true without your own comparison of subject.CN; reissue certificates with a SAN.",
)
VALIDITY = Fix(
    "Check the validity period of every certificate of the chain against the present time.",
    curl="curl has no option for it: look for --insecure, and for a callback in CURLOPT_SSL_CTX_FUNCTION.",
    openssl="Return preverify_ok from the verify callback; do not set X509_V_FLAG_NO_CHECK_TIME or a fixed time.",
    python="Let ssl validate. With cryptography's PolicyBuilder leave out time(); with pyOpenSSL return ok in the "
    "callback.",
    node="Remove the exception for CERT_HAS_EXPIRED from your error handler; do not continue after `authorized` false.",
    go="Leave VerifyOptions.CurrentTime and tls.Config.Time unset.",
    java="Do not call PKIXParameters.setDate(), and do not catch CertificateExpiredException.",
    ruby="Return preverify_ok from verify_callback; do not set OpenSSL::X509::Store#time.",
    php="Leave verify_peer at true: there is no option that ignores the dates alone.",
)
CA_FLAG = Fix(
    "Accept as issuer only a certificate with basicConstraints cA TRUE, keyCertSign and enough path length.",
    curl="curl has no option for it: look for --insecure, and for a callback in CURLOPT_SSL_CTX_FUNCTION.",
    openssl="Return preverify_ok from the verify callback; X509_V_ERR_INVALID_CA must end the handshake.",
    python="Let ssl validate; verify_directly_issued_by() checks a signature, and not whether the issuer is a CA.",
    node="Let tls validate; X509Certificate.verify() and checkIssued() check one link, and are not a validation.",
    go="Use Certificate.Verify() for the chain; CheckSignature() does not check whether the issuer is a CA.",
    java='Use CertPathValidator.getInstance("PKIX"); X509Certificate.verify() checks a signature alone.',
    ruby="Use OpenSSL::X509::Store#verify; Certificate#verify checks a signature alone.",
    php="Let the stream wrapper validate; openssl_x509_verify() checks a signature alone.",
)
PURPOSE = Fix(
    "Require serverAuth in extended key usage and digitalSignature in key usage, where these extensions are present.",
    curl="curl has no option for it: look for --insecure, and for a callback in CURLOPT_SSL_CTX_FUNCTION.",
    openssl="Leave the purpose at X509_PURPOSE_SSL_SERVER, the default of a TLS client; X509_V_ERR_INVALID_PURPOSE "
    "must end the handshake.",
    python="Use ssl.create_default_context(ssl.Purpose.SERVER_AUTH); with cryptography, build_server_verifier().",
    node="Let tls validate; it demands serverAuth. In a check of your own, look at cert.ext_key_usage.",
    go="Leave VerifyOptions.KeyUsages empty (serverAuth), instead of ExtKeyUsageAny.",
    java="Use the default trust manager; a CertPathValidator of your own does not check the purpose: call "
    "getExtendedKeyUsage().",
    ruby="Set OpenSSL::X509::Store#purpose to PURPOSE_SSL_SERVER, and return preverify_ok from verify_callback.",
    php="Let the stream wrapper validate; with openssl_x509_checkpurpose() use X509_PURPOSE_SSL_SERVER.",
)
SIGNATURE = Fix(
    "Verify every signature of the chain with the issuer's key; a name or key identifier proves nothing.",
    curl="curl has no option for it: look for --insecure, and for a callback in CURLOPT_SSL_CTX_FUNCTION.",
    openssl="Return preverify_ok from the verify callback; do not compare X509_get_issuer_name() instead.",
    python="Let ssl validate; do not compare the issuer from getpeercert() with a name.",
    node="Let tls validate; do not compare cert.issuer.CN with a name.",
    go="Use Certificate.Verify(); do not compare Issuer with a name.",
    java="Use the default trust manager; do not compare getIssuerX500Principal() with a name.",
    ruby="Return preverify_ok from verify_callback; do not compare Certificate#issuer with a name.",
    php="Leave verify_peer at true; do not compare the issuer from openssl_x509_parse() with a name.",
)
EXTENSIONS = Fix(
    "Let the library process every critical extension, and refuse a certificate with one that it does not know.",
    curl="Build curl with a current TLS library: the library does it, not curl.",
    openssl="Do not set X509_V_FLAG_IGNORE_CRITICAL; return preverify_ok from the verify callback.",
    python="Let ssl validate; do not clear errors in a callback of pyOpenSSL.",
    node="Let tls validate; X509Certificate.verify() does not look at extensions.",
    go="Use Certificate.Verify(), and clear no entries of UnhandledCriticalExtensions.",
    java="Use PKIX validation; a PKIXCertPathChecker must not remove extensions that it does not process.",
    ruby="Return preverify_ok from verify_callback.",
    php="Leave verify_peer at true.",
)
STRENGTH = Fix(
    "Demand at least 112 bits of security: RSA of 2,048 bits, P-256, SHA-256.",
    curl="Add --ciphers DEFAULT@SECLEVEL=2, where curl uses OpenSSL.",
    openssl="Call SSL_CTX_set_security_level(ctx, 2).",
    python='Call SSLContext.set_ciphers("DEFAULT:@SECLEVEL=2").',
    node='Set ciphers: "DEFAULT:@SECLEVEL=2".',
    go="Check the key's size in VerifyConnection: crypto/tls itself demands RSA of 1,024 bits since Go 1.22.",
    java="Add `RSA keySize < 2048, SHA1` to jdk.certpath.disabledAlgorithms in java.security.",
    ruby="Set SSLContext#security_level to 2.",
    php="Set the stream context option security_level to 2.",
)
VERSION = Fix(
    "Offer TLS 1.2 with ECDHE and AEAD suites, and TLS 1.3, and nothing older.",
    curl="Add --tlsv1.2, and leave --ciphers at its default.",
    openssl="Call SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION), and leave the cipher list at its default.",
    python="Set SSLContext.minimum_version to ssl.TLSVersion.TLSv1_2, and leave set_ciphers() out.",
    node='Set minVersion to "TLSv1.2", and leave `ciphers` out.',
    go="Leave MinVersion unset (TLS 1.2), and CipherSuites as well.",
    java="Leave TLSv1 and TLSv1.1 in jdk.tls.disabledAlgorithms.",
    ruby="Set min_version to OpenSSL::SSL::TLS1_2_VERSION, and leave `ciphers` out.",
    php="Set crypto_method to STREAM_CRYPTO_METHOD_TLSv1_2_CLIENT | STREAM_CRYPTO_METHOD_TLSv1_3_CLIENT.",
)
PLAINTEXT = Fix(
    "Treat every failure of TLS as the end: never send the request without TLS.",
    curl="Use https:// in the address, and --proto =https; use --ssl-reqd instead of --ssl.",
    openssl="Return an error where SSL_connect() fails; write nothing to the socket itself.",
    python="Do not catch ssl.SSLError around the connection to continue with the plain socket or http.client.",
    node="Call https alone; in its `error` event do not start a request of http.",
    go="Return the error of tls.Dial(); do not call net.Dial() after it.",
    java="Let SSLException end the request; do not open a URL with http after it.",
    ruby="Do not rescue OpenSSL::SSL::SSLError to continue without use_ssl.",
    php="Do not open tcp:// or http:// after a failure of tls:// or https://.",
)
RETRY = Fix(
    "Treat a refused certificate as the end: do not connect again with fewer checks.",
    curl="Remove the second call with --insecure from the script.",
    openssl="Do not call SSL_connect() again with SSL_VERIFY_NONE or an older version after a failure.",
    python="Do not catch ssl.SSLCertVerificationError to continue with CERT_NONE or verify=False.",
    node="Do not repeat the request with rejectUnauthorized: false in the `error` event.",
    go="Do not repeat the request with InsecureSkipVerify after an error.",
    java="Do not catch SSLHandshakeException to continue with another trust manager.",
    ruby="Do not rescue OpenSSL::SSL::SSLError to continue with VERIFY_NONE.",
    php="Do not repeat the request with verify_peer false after a failure.",
)
ORDER = Fix(
    "Check the certificate within the handshake, before the first byte of the application.",
    curl="In libcurl leave CURLOPT_SSL_VERIFYPEER on, instead of reading CURLINFO_SSL_VERIFYRESULT afterwards.",
    openssl="Use SSL_VERIFY_PEER; with SSL_VERIFY_NONE, call SSL_get_verify_result() before SSL_write().",
    python="Use a context that verifies, instead of getpeercert() after sendall().",
    node="Leave rejectUnauthorized at true, instead of looking at socket.authorized after write().",
    go="Check in VerifyConnection, which runs within the handshake, instead of ConnectionState() after Write().",
    java="Check in the trust manager, instead of SSLSession.getPeerCertificates() after the request.",
    ruby="Set VERIFY_PEER and call post_connection_check() before the first write.",
    php="Leave verify_peer at true, instead of openssl_x509_parse() of peer_certificate after fwrite().",
)
PINNING = Fix(
    "Validate the chain up to a CA that was configured; a certificate that was seen before proves nothing by itself.",
    curl="Use --cacert FILE; --pinnedpubkey needs a key that came by another way.",
    openssl="Use SSL_VERIFY_PEER with your CA, instead of a fingerprint that was stored on the first connection.",
    python="Use ssl.create_default_context(cafile=FILE), instead of a hash of getpeercert(True) that was stored.",
    node="Pass `ca`, instead of a fingerprint256 that was stored.",
    go="Set RootCAs, instead of a hash of PeerCertificates[0].Raw that was stored.",
    java="Use a KeyStore with your CA, instead of adding each first certificate to it.",
    ruby="Set ca_file, instead of a digest of peer_cert that was stored.",
    php="Set cafile; peer_fingerprint needs a value that came by another way.",
)
CRASH = Fix(
    "Treat a failed handshake as an ordinary error, and run the parser of certificates under a sanitizer.",
    curl="Update curl and its TLS library; report the certificate to its maintainers.",
    openssl="Check every return value: SSL_get1_peer_certificate() may be NULL after a failure. Build with "
    "-fsanitize=address.",
    python="Update the extension module that ended the process; `python -X faulthandler` names it.",
    node="Update the native add-on that ended the process; listen to `error` on every socket.",
    go="Look for cgo and unsafe; a Go program does not end by SIGSEGV otherwise.",
    java="Update the native library: hs_err_pid*.log names it.",
    ruby="Update the C extension: the [BUG] report names it.",
    php="Update the extension; run php under a debugger to find it.",
)
REVOCATION = Fix(
    "Revocation needs a source: a CRL, an OCSP response, or certificates that live for days.",
    curl="Add --crlfile FILE, or --cert-status where the server staples.",
    openssl="Set X509_V_FLAG_CRL_CHECK and load a CRL into the X509_STORE.",
    python="Set verify_flags to VERIFY_CRL_CHECK_LEAF, and load a CRL with load_verify_locations().",
    node="Pass `crl`.",
    go="Check PeerCertificates in VerifyConnection with RevocationList or golang.org/x/crypto/ocsp.",
    java="Set com.sun.net.ssl.checkRevocation and ocsp.enable, or use a PKIXRevocationChecker.",
    ruby="Set Store#flags to V_FLAG_CRL_CHECK, and add a CRL with add_crl.",
    php="PHP has no option for it; check the serial number from openssl_x509_parse() against a CRL.",
)
ACCEPTING = Fix(
    "Let the library validate the chain: a check of its own for what it knows refuses what is valid.",
    curl="Compare the version of curl and its TLS library with a current one.",
    openssl="Load the root alone as anchor; SSL_CTX_set_verify() without a callback accepts every valid chain.",
    python="Use ssl.create_default_context(cafile=FILE) without further checks.",
    node="Pass `ca` and leave out checks of your own.",
    go="Set RootCAs, and leave out VerifyPeerCertificate.",
    java="Use a TrustManagerFactory, and leave out checks of your own.",
    ruby="Set ca_file and leave out verify_callback.",
    php="Set cafile, and leave out peer_fingerprint and CN_match.",
)
