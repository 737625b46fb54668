/* A TLS client without a fault; -D gives it one of those below. Arguments: ADDRESS PORT HOST CA FOLDER. */

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int dial(const char *address, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *each;
    int connected = -1;
    if (getaddrinfo(address, port, &hints, &found)) return -1;
    for (each = found; each && connected < 0; each = each->ai_next) {
        connected = socket(each->ai_family, each->ai_socktype, each->ai_protocol);
        if (connect(connected, each->ai_addr, each->ai_addrlen)) {
            close(connected);
            connected = -1;
        }
    }
    freeaddrinfo(found);
    return connected;
}

#if defined(ANY_CA) || defined(NO_BASIC_CONSTRAINTS)
static int tolerant(int ok, X509_STORE_CTX *store) {
    switch (X509_STORE_CTX_get_error(store)) {
#ifdef ANY_CA /* Fault: a certificate from any CA is accepted. */
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return 1;
#else /* Fault: a certificate that is not a CA's may sign. */
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        return 1;
#endif
    default:
        return ok;
    }
}
#else
#define tolerant NULL
#endif

#ifdef PREFIX
/* Fault: as many characters as the host has are compared. */
static int begins_with(X509 *certificate, const char *host) {
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int found = 0;
    for (int place = 0; place < sk_GENERAL_NAME_num(names); place++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, place);
        if (name->type == GEN_DNS &&
            !strncasecmp((const char *)ASN1_STRING_get0_data(name->d.dNSName), host, strlen(host)))
            found = 1;
    }
    GENERAL_NAMES_free(names);
    return found || X509_check_host(certificate, host, 0, 0, NULL) == 1 || X509_check_ip_asc(certificate, host, 0) == 1;
}
#endif

int main(int count, char **words) {
    const char *address = words[1], *port = words[2], *host = words[3], *ca = words[4];
    unsigned char unused[16];
    int is_address = inet_pton(AF_INET, host, unused) == 1, length;
    char text[4096];
    if (count < 5) return 2;
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, tolerant);
    if (SSL_CTX_load_verify_file(context, ca) != 1) return 2;
    SSL *tls = SSL_new(context);
#ifdef NO_EXTENDED_KEY_USAGE /* Fault: a certificate for any purpose is accepted. */
    SSL_set_purpose(tls, X509_PURPOSE_ANY);
#endif
    if (!is_address) SSL_set_tlsext_host_name(tls, host);
#ifndef PREFIX
    if (is_address)
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host);
    else
        SSL_set1_host(tls, host);
#endif
    SSL_set_fd(tls, dial(address, port));
    if (SSL_connect(tls) != 1) {
        ERR_print_errors_fp(stderr);
#ifdef CRASH /* Fault: after a refusal there is no session, and it reads from it. */
        if (SSL_get_verify_result(tls) != X509_V_OK) {
            volatile const char *nothing = NULL;
            return *nothing;
        }
#endif
        return 1;
    }
#ifdef PREFIX
    if (!begins_with(SSL_get0_peer_certificate(tls), host)) {
        fprintf(stderr, "the certificate is for another host\n");
        return 1;
    }
#endif
    length = snprintf(text, sizeof text, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", host);
    SSL_write(tls, text, length);
    while ((length = SSL_read(tls, text, sizeof text)) > 0) fwrite(text, 1, length, stdout);
    SSL_shutdown(tls);
    return 0;
}
