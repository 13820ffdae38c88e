/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.2 and 1.3 by GnuTLS, on sockets that do not block. */
#include "http/http-internal.h"

#include <errno.h>
#include <gnutls/gnutls.h>

struct NtHttpTls {
    gint refs;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priorities;
};

struct NtHttpTlsSession {
    NtHttpTls *tls;
    gnutls_session_t session;
};

NtHttpTls *nt_http_tls_new(const char *certificate, const char *key, GError **error) {
    NtHttpTls *tls = g_new0(NtHttpTls, 1);
    tls->refs = 1;
    int rc = gnutls_certificate_allocate_credentials(&tls->credentials);
    if (rc >= 0) {
        rc = gnutls_certificate_set_x509_key_file(tls->credentials, certificate, key, GNUTLS_X509_FMT_PEM);
    }
    if (rc >= 0) {
        rc = gnutls_priority_init(&tls->priorities, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", NULL);
    }
    if (rc < 0) {
        nt_fail(error, NITERU_ERROR_INVALID, "the certificate %s with the key %s cannot be used: %s", certificate, key,
                gnutls_strerror(rc));
        nt_http_tls_unref(tls);
        return NULL;
    }
    return tls;
}

NtHttpTls *nt_http_tls_ref(NtHttpTls *tls) {
    g_atomic_int_inc(&tls->refs);
    return tls;
}

void nt_http_tls_unref(NtHttpTls *tls) {
    if (tls != NULL && g_atomic_int_dec_and_test(&tls->refs)) {
        if (tls->credentials != NULL) {
            gnutls_certificate_free_credentials(tls->credentials);
        }
        if (tls->priorities != NULL) {
            gnutls_priority_deinit(tls->priorities);
        }
        g_free(tls);
    }
}

NtHttpTlsSession *nt_http_tls_session_new(NtHttpTls *tls, int fd) {
    static const gnutls_datum_t protocol = {(unsigned char *)"http/1.1", 8};
    gnutls_session_t session;
    if (gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0) {
        return NULL;
    }
    gnutls_priority_set(session, tls->priorities);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->credentials);
    gnutls_alpn_set_protocols(session, &protocol, 1, 0);
    gnutls_transport_set_int(session, fd);
    NtHttpTlsSession *out = g_new(NtHttpTlsSession, 1);
    *out = (NtHttpTlsSession){nt_http_tls_ref(tls), session};
    return out;
}

void nt_http_tls_session_free(NtHttpTlsSession *session) {
    if (session != NULL) {
        gnutls_deinit(session->session);
        nt_http_tls_unref(session->tls);
        g_free(session);
    }
}

int nt_http_tls_handshake(NtHttpTlsSession *session) {
    int rc = gnutls_handshake(session->session);
    return rc == GNUTLS_E_SUCCESS ? 1 : gnutls_error_is_fatal(rc) ? -1 : 0;
}

/* Sets errno for what GnuTLS says. */
static ssize_t outcome(ssize_t rc) {
    if (rc >= 0) {
        return rc;
    }
    errno = rc == GNUTLS_E_PREMATURE_TERMINATION ? ECONNRESET : gnutls_error_is_fatal((int)rc) ? EPROTO : EAGAIN;
    return -1;
}

ssize_t nt_http_tls_receive(NtHttpTlsSession *session, void *to, size_t size) {
    return outcome(gnutls_record_recv(session->session, to, size));
}

ssize_t nt_http_tls_send(NtHttpTlsSession *session, const void *from, size_t size) {
    return outcome(gnutls_record_send(session->session, from, size));
}

void nt_http_tls_bye(NtHttpTlsSession *session) { gnutls_bye(session->session, GNUTLS_SHUT_WR); }
