"""The fix for each kind of defect, per ecosystem. Data.

`general` is the rule; each ecosystem has the names of its own interface.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ECOSYSTEMS = ("curl", "OpenSSL", "Python", "Node", "Go", "Java", "Ruby", "PHP")


@dataclass(frozen=True)
class Fix:
    """A rule, and how to apply it in each of ECOSYSTEMS."""

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
        """The texts by ecosystem, in the order of ECOSYSTEMS."""
        values = self.curl, self.openssl, self.python, self.node, self.go, self.java, self.ruby, self.php
        return dict(zip(ECOSYSTEMS, values, strict=True))


CHAIN = Fix(
    "Let the library validate the chain up to a trust anchor, and close the connection if that fails.",
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
    "Take trust anchors only from your own configuration, never from the server.",
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
    "Let the library compare the whole name with the name that the user asked for.",
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
    "Compare only subjectAltName: RFC 9525 does not use the common name.",
    curl="With OpenSSL, curl compares the common name if the certificate has no SAN; reissue it with a SAN.",
    openssl="Call SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) beside SSL_set1_host().",
    python="Set SSLContext.hostname_checks_common_name to False; read no subject from getpeercert().",
    node="Remove your own checkServerIdentity; tls.checkServerIdentity uses the CN only in a certificate without SANs.",
    go="Call leaf.VerifyHostname(host), which ignores Subject.CommonName, and compare no other field.",
    java='Use setEndpointIdentificationAlgorithm("HTTPS"), and read no CN from getSubjectX500Principal().',
    ruby="Require a subjectAltName: OpenSSL::SSL.verify_certificate_identity falls back to the common name.",
    php="Leave verify_peer_name at true without your own comparison of subject.CN; reissue certificates with a SAN.",
)
VALIDITY = Fix(
    "Check the validity of every certificate of the chain against the current time.",
    curl="curl has no option that skips this check alone: look for a callback in CURLOPT_SSL_CTX_FUNCTION.",
    openssl="Return preverify_ok from the verify callback; do not set X509_V_FLAG_NO_CHECK_TIME or a fixed time.",
    python="Let ssl validate. With cryptography's PolicyBuilder leave out time(); with pyOpenSSL return ok in the "
    "callback.",
    node="Remove the exception for CERT_HAS_EXPIRED from your error handler; do not continue after `authorized` false.",
    go="Leave VerifyOptions.CurrentTime and tls.Config.Time unset.",
    java="Do not call PKIXParameters.setDate(), and do not catch CertificateExpiredException.",
    ruby="Return preverify_ok from verify_callback; do not set OpenSSL::X509::Store#time.",
    php="Leave verify_peer at true: PHP has no option that ignores only the validity.",
)
CA_FLAG = Fix(
    "Accept an issuer only with basicConstraints cA TRUE, keyCertSign and a sufficient path length.",
    curl="curl has no option that skips this check alone: look for a callback in CURLOPT_SSL_CTX_FUNCTION.",
    openssl="Return preverify_ok from the verify callback; X509_V_ERR_INVALID_CA must end the handshake.",
    python="Let ssl validate; verify_directly_issued_by() checks a signature, not whether the issuer is a CA.",
    node="Let tls validate; X509Certificate.verify() and checkIssued() check one link only, not the whole chain.",
    go="Use Certificate.Verify() for the chain; CheckSignature() does not check whether the issuer is a CA.",
    java='Use CertPathValidator.getInstance("PKIX"); X509Certificate.verify() checks only a signature.',
    ruby="Use OpenSSL::X509::Store#verify; Certificate#verify checks only a signature.",
    php="Let the stream wrapper validate; openssl_x509_verify() checks only a signature.",
)
PURPOSE = Fix(
    "Require serverAuth in extended key usage, if the extension is present.",
    curl="curl has no option that skips this check alone: look for a callback in CURLOPT_SSL_CTX_FUNCTION.",
    openssl="Leave the purpose at X509_PURPOSE_SSL_SERVER, the default of a TLS client; X509_V_ERR_INVALID_PURPOSE "
    "must end the handshake.",
    python="Use ssl.create_default_context(ssl.Purpose.SERVER_AUTH); with cryptography, build_server_verifier().",
    node="Let tls validate; it requires serverAuth. In your own check, read cert.ext_key_usage.",
    go="Leave VerifyOptions.KeyUsages empty (serverAuth), instead of ExtKeyUsageAny.",
    java="Use the default trust manager; your own CertPathValidator does not check the purpose: call "
    "getExtendedKeyUsage().",
    ruby="Set OpenSSL::X509::Store#purpose to PURPOSE_SSL_SERVER, and return preverify_ok from verify_callback.",
    php="Let the stream wrapper validate; with openssl_x509_checkpurpose() use X509_PURPOSE_SSL_SERVER.",
)
SIGNATURE = Fix(
    "Verify every signature of the chain with the issuer's key; names and key identifiers prove nothing.",
    curl="curl has no option that skips this check alone: look for a callback in CURLOPT_SSL_CTX_FUNCTION.",
    openssl="Return preverify_ok from the verify callback; do not compare X509_get_issuer_name() instead.",
    python="Let ssl validate; do not compare the issuer from getpeercert() with a name.",
    node="Let tls validate; do not compare cert.issuer.CN with a name.",
    go="Use Certificate.Verify(); do not compare Issuer with a name.",
    java="Use the default trust manager; do not compare getIssuerX500Principal() with a name.",
    ruby="Return preverify_ok from verify_callback; do not compare Certificate#issuer with a name.",
    php="Leave verify_peer at true; do not compare the issuer from openssl_x509_parse() with a name.",
)
EXTENSIONS = Fix(
    "Let the library process critical extensions, and refuse a certificate with an unknown critical one.",
    curl="curl has no option for it: its TLS library processes extensions. Try a newer one.",
    openssl="Do not set X509_V_FLAG_IGNORE_CRITICAL; return preverify_ok from the verify callback.",
    python="Let ssl validate; do not clear errors in a callback of pyOpenSSL.",
    node="Let tls validate; X509Certificate.verify() does not process extensions.",
    go="Use Certificate.Verify(), and do not clear UnhandledCriticalExtensions.",
    java="Use PKIX validation; a PKIXCertPathChecker must not remove extensions that it does not process.",
    ruby="Return preverify_ok from verify_callback.",
    php="Leave verify_peer at true.",
)
STRENGTH = Fix(
    "Require at least 112 bits of security: RSA with 2,048 bits, P-256, SHA-256.",
    curl="Add --ciphers DEFAULT@SECLEVEL=2, if curl uses OpenSSL.",
    openssl="Call SSL_CTX_set_security_level(ctx, 2).",
    python='Call SSLContext.set_ciphers("DEFAULT:@SECLEVEL=2").',
    node='Set ciphers: "DEFAULT:@SECLEVEL=2".',
    go="Check the key's size in VerifyConnection: crypto/tls requires only 1,024 bits for RSA (since Go 1.22).",
    java="Add `RSA keySize < 2048, SHA1` to jdk.certpath.disabledAlgorithms in java.security.",
    ruby="Set SSLContext#security_level to 2.",
    php="Set the stream context option security_level to 2.",
)
KEY_USAGE = Fix(
    "Require digitalSignature in key usage, if the extension is present.",
    curl="curl has no option for it, and OpenSSL does not check it: do not issue such certificates.",
    openssl="OpenSSL has no setting for it: require KU_DIGITAL_SIGNATURE in X509_get_key_usage() of the server's "
    "certificate.",
    python="ssl has no setting for it: load getpeercert(True) with cryptography, and require "
    "KeyUsage.digital_signature.",
    node="Node has no setting for it: do not issue such certificates.",
    go="crypto/tls has no setting for it: in VerifyConnection require x509.KeyUsageDigitalSignature in "
    "PeerCertificates[0].KeyUsage.",
    java="Use the default trust manager, which checks it; your own one must call getKeyUsage().",
    ruby="OpenSSL has no setting for it: after connect(), read the extension keyUsage of peer_cert.",
    php="PHP has no option for it: read extensions.keyUsage with openssl_x509_parse() of peer_certificate.",
)
SPELLING = Fix(
    "Compare names as RFC 9525 §6.3 says: label by label, with a wildcard only as the complete left-most label.",
    curl="curl has no option for it: its own comparison of names decides. Do not issue such certificates.",
    openssl="For wildcards, call SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS); compare no names "
    "yourself.",
    python="Leave check_hostname on, and compare no names yourself.",
    node="Node has no option for it: in checkServerIdentity, refuse such names, then call tls.checkServerIdentity().",
    go="In VerifyConnection, refuse such names in PeerCertificates[0].DNSNames; compare no names yourself.",
    java="Java has no option for it: a HostnameVerifier of your own must refuse such names, then call the default one.",
    ruby="Refuse such names in peer_cert, then call post_connection_check(host).",
    php="PHP has no option for it: read the names with openssl_x509_parse() of the captured peer_certificate.",
)
POLICY = Fix(
    "Process policy constraints (RFC 5280 §6.1.3 (d) to (f)); many libraries do so only on request.",
    curl="curl has no option for it, and OpenSSL checks policies only on request: in libcurl, set "
    "X509_V_FLAG_POLICY_CHECK in CURLOPT_SSL_CTX_FUNCTION.",
    openssl="Set X509_V_FLAG_POLICY_CHECK with X509_VERIFY_PARAM_set_flags().",
    python="Add 0x80 (X509_V_FLAG_POLICY_CHECK) to SSLContext.verify_flags.",
    node="Node has no option for it.",
    go="Go processes policies from 1.22 on: update it.",
    java="Use the default trust manager, which processes policies.",
    ruby="Set OpenSSL::X509::V_FLAG_POLICY_CHECK in OpenSSL::X509::Store#flags.",
    php="PHP has no option for it.",
)
SUITES = Fix(
    "Offer TLS 1.3, and for TLS 1.2 only suites with ECDHE and AEAD.",
    curl="Add --ciphers 'ECDHE+AESGCM:ECDHE+CHACHA20'; or --tlsv1.3, if every server supports it.",
    openssl='Call SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20").',
    python='Call SSLContext.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20").',
    node='Set ciphers: "ECDHE+AESGCM:ECDHE+CHACHA20".',
    go="List only ECDHE suites with GCM or ChaCha20 in tls.Config.CipherSuites.",
    java="Add the suites TLS_RSA_WITH_... to jdk.tls.disabledAlgorithms in java.security, each with its full name.",
    ruby='Set SSLContext#ciphers (in Net::HTTP, ciphers=) to "ECDHE+AESGCM:ECDHE+CHACHA20".',
    php="Set the stream context option ciphers to 'ECDHE+AESGCM:ECDHE+CHACHA20'.",
)
VERSION = Fix(
    "Offer TLS 1.3 and TLS 1.2, nothing older, and no suite without authentication or encryption.",
    curl="Add --tlsv1.2, and leave --ciphers at its default.",
    openssl="Call SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION), and leave the cipher list at its default.",
    python="Set SSLContext.minimum_version to ssl.TLSVersion.TLSv1_2, and leave set_ciphers() out.",
    node='Set minVersion to "TLSv1.2", and leave `ciphers` out.',
    go="Leave MinVersion unset (TLS 1.2), and CipherSuites as well.",
    java="Leave TLSv1 and TLSv1.1 in jdk.tls.disabledAlgorithms.",
    ruby="Set min_version to OpenSSL::SSL::TLS1_2_VERSION, and leave `ciphers` out.",
    php="Set crypto_method to STREAM_CRYPTO_METHOD_TLSv1_2_CLIENT | STREAM_CRYPTO_METHOD_TLSv1_3_CLIENT.",
)
HANDSHAKE = Fix(
    "Use the handshake of a maintained TLS library, and keep it up to date; your own handshake must make all checks of "
    "RFC 8446 §4.",
    curl="curl has no option for it: update its TLS library (`curl --version` names it).",
    openssl="OpenSSL has no setting for it: update it.",
    python="ssl has no setting for it: update Python's OpenSSL (ssl.OPENSSL_VERSION).",
    node="Node has no option for it: update it, since it contains its own OpenSSL.",
    go="crypto/tls has no setting for it: update Go, and build the program again.",
    java="Update the JDK. Against SHA-1 signatures, add `ecdsa_sha1` to jdk.tls.disabledAlgorithms in java.security.",
    ruby="Ruby has no setting for it: update its OpenSSL (OpenSSL::OPENSSL_LIBRARY_VERSION).",
    php="PHP has no option for it: update its OpenSSL (OPENSSL_VERSION_TEXT).",
)
PLAINTEXT = Fix(
    "End the request if TLS fails; never send it without TLS.",
    curl="Use https:// in the URL, and --proto =https; use --ssl-reqd instead of --ssl.",
    openssl="Return an error if SSL_connect() fails; do not write to the socket without TLS.",
    python="Do not catch ssl.SSLError around the connection to continue with the plain socket or http.client.",
    node="Use only https; do not start an http request in its `error` event.",
    go="Return the error of tls.Dial(); do not call net.Dial() after it.",
    java="Let SSLException end the request; do not open an http URL after it.",
    ruby="Do not rescue OpenSSL::SSL::SSLError to continue without use_ssl.",
    php="Do not open tcp:// or http:// after a failure of tls:// or https://.",
)
RETRY = Fix(
    "End the request if the certificate is refused; do not connect again with fewer checks.",
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
    "Check the certificate during the handshake, before you send application data.",
    curl="In libcurl leave CURLOPT_SSL_VERIFYPEER on, instead of reading CURLINFO_SSL_VERIFYRESULT afterwards.",
    openssl="Use SSL_VERIFY_PEER; with SSL_VERIFY_NONE, call SSL_get_verify_result() before SSL_write().",
    python="Use a context that verifies, instead of getpeercert() after sendall().",
    node="Leave rejectUnauthorized at true, instead of reading socket.authorized after write().",
    go="Check in VerifyConnection, which runs during the handshake, instead of ConnectionState() after Write().",
    java="Check in the trust manager, instead of SSLSession.getPeerCertificates() after the request.",
    ruby="Set VERIFY_PEER and call post_connection_check() before the first write.",
    php="Leave verify_peer at true, instead of openssl_x509_parse() of peer_certificate after fwrite().",
)
PINNING = Fix(
    "Validate the chain up to a configured CA; the first certificate that the client sees proves nothing.",
    curl="Use --cacert FILE; for --pinnedpubkey, get the key over another channel.",
    openssl="Use SSL_VERIFY_PEER with your CA, instead of a fingerprint stored on the first connection.",
    python="Use ssl.create_default_context(cafile=FILE), instead of a stored hash of getpeercert(True).",
    node="Pass `ca`, instead of a stored fingerprint256.",
    go="Set RootCAs, instead of a stored hash of PeerCertificates[0].Raw.",
    java="Use a KeyStore with your CA, instead of adding each first certificate to it.",
    ruby="Set ca_file, instead of a stored digest of peer_cert.",
    php="Set cafile; for peer_fingerprint, get the value over another channel.",
)
CRASH = Fix(
    "Handle a failed handshake as an ordinary error, and test the certificate parser with a sanitizer.",
    curl="Update curl and its TLS library; report the certificate to its maintainers.",
    openssl="Check every return value: SSL_get1_peer_certificate() may be NULL after a failure. Build with "
    "-fsanitize=address.",
    python="Update the extension module that ended the process; `python -X faulthandler` names it.",
    node="Update the native add-on that ended the process; listen to `error` on every socket.",
    go="Look for cgo and unsafe: other Go code does not end with SIGSEGV.",
    java="Update the native library: hs_err_pid*.log names it.",
    ruby="Update the C extension: the [BUG] report names it.",
    php="Update the extension; run php under a debugger to find it.",
)
REVOCATION = Fix(
    "Use a CRL or OCSP responses, or certificates that are valid for a few days only.",
    curl="Add --crlfile FILE, or --cert-status if the server staples OCSP responses.",
    openssl="Set X509_V_FLAG_CRL_CHECK and load a CRL into the X509_STORE.",
    python="Set verify_flags to VERIFY_CRL_CHECK_LEAF, and load a CRL with load_verify_locations().",
    node="Pass a CRL as `crl`.",
    go="Check PeerCertificates in VerifyConnection with RevocationList or golang.org/x/crypto/ocsp.",
    java="Set com.sun.net.ssl.checkRevocation and ocsp.enable, or use a PKIXRevocationChecker.",
    ruby="Set Store#flags to V_FLAG_CRL_CHECK, and add a CRL with add_crl.",
    php="PHP has no option for it; check the serial number from openssl_x509_parse() against a CRL.",
)
ACCEPTING = Fix(
    "Let the library validate the chain, and remove your own checks, which refuse valid certificates.",
    curl="Compare the version of curl and its TLS library with a current one.",
    openssl="Load only the root as trust anchor; SSL_CTX_set_verify() without a callback accepts every valid chain.",
    python="Use ssl.create_default_context(cafile=FILE) without further checks.",
    node="Pass `ca`, and remove your own checks.",
    go="Set RootCAs, and remove VerifyPeerCertificate.",
    java="Use a TrustManagerFactory, and remove your own checks.",
    ruby="Set ca_file, and remove verify_callback.",
    php="Set cafile, and remove peer_fingerprint and CN_match.",
)
