/* SPDX-License-Identifier: MIT */
/*
 * TLS: who a server or client is, and whom it believes. One object holds certificates and rules, and is given
 * to belay_server_listen() or belay_channel_options_set_tls(), to any number of them.
 *
 * What holds for all: TLS 1.2 or later, ECDHE and AEAD only, HTTP/2 agreed on by ALPN, no renegotiation,
 * no compression, no early data. Sessions are resumed. Handshakes run on a thread of the object's own, so
 * that many at once hold up nothing else.
 *
 * Files are looked at every now and then; when they have changed they are read again, for the
 * handshakes that come. What cannot be used is reported in the log (BELAY_LOG_ERROR), and what was there
 * before stays in force.
 */
#ifndef BELAY_TLS_H
#define BELAY_TLS_H

#include <stddef.h>
#include <stdint.h>

#include <belay/call.h>
#include <belay/code.h>
#include <belay/export.h>

BELAY_BEGIN_DECLS

typedef struct belay_tls belay_tls;
typedef struct belay_peer_identity belay_peer_identity;

/* What a server asks of its clients. */
typedef enum belay_tls_clients {
    BELAY_TLS_CLIENTS_NOT_ASKED = 0, /* for no certificate */
    BELAY_TLS_CLIENTS_MAY_HAVE = 1,  /* for a certificate, and serves those without one; a bad one is refused */
    BELAY_TLS_CLIENTS_MUST_HAVE = 2  /* for a good certificate */
} belay_tls_clients;

/*
 * Makes an object with the defaults: no certificate of its own, the system's store of authorities for
 * servers, none for clients, clients are not asked.
 *
 * Returns the object, which the caller gives back with belay_tls_free(), or NULL without memory.
 * Threads: any, as for all functions of an object. What is set later holds for the handshakes that come.
 */
BELAY_API belay_tls *belay_tls_new(void);

/*
 * Gives up an object. Servers and channels that were given it keep it until they are freed.
 *
 * tls: an object, or NULL.
 * Threads: any but a callback's.
 */
BELAY_API void belay_tls_free(belay_tls *tls);

/*
 * Sets who this side is. A server must have this; a client needs it for servers that ask for it.
 *
 * tls: to change; keeps what it has on failure.
 * certificate_file: PEM: its certificate, then those of the authorities between it and the root.
 * key_file: PEM: the key of the first certificate, without a password. Both names are copied.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT; BELAY_FAILED_PRECONDITION when the files cannot be read, hold
 *     none, do not belong to each other, or are not good enough for OpenSSL (small keys): belay_tls_error()
 *     tells; BELAY_RESOURCE_EXHAUSTED without memory.
 * Threads: any; reads files.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_tls_set_certificate(belay_tls *tls, const char *certificate_file,
                                                                 const char *key_file);

/*
 * The same from memory: for programs that are given certificates otherwise than in files. New ones are for the
 * handshakes that come, and are set by calling this again.
 *
 * tls: to change; keeps what it has on failure. No file is looked at for it any more.
 * certificate, certificate_size: the bytes of what the file would hold.
 * key, key_size: the same. Neither is kept: the caller may wipe them.
 * Returns as belay_tls_set_certificate().
 * Threads: any.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_tls_set_certificate_pem(belay_tls *tls, const void *certificate,
                                                                     size_t certificate_size, const void *key,
                                                                     size_t key_size);

/*
 * Sets whom this side believes: a client its server, a server that asks for it its clients.
 *
 * tls: to change; keeps what it has on failure.
 * ca_file: PEM: certificates of authorities, and nobody else's count any more; copied. NULL: the system's
 *     store. Until this is called it is the system's store for a client, and nobody for a server.
 * Returns as belay_tls_set_certificate().
 * Threads: any; reads files.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_tls_set_trust(belay_tls *tls, const char *ca_file);

/*
 * The same from memory.
 *
 * tls: to change; keeps what it has on failure. No file is looked at for it any more.
 * authorities, size: the bytes of what the file would hold; not kept.
 * Returns as belay_tls_set_certificate().
 * Threads: any.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_tls_set_trust_pem(belay_tls *tls, const void *authorities, size_t size);

/*
 * Sets what a server asks of its clients. It takes belay_tls_set_trust() to listen with anything but
 * BELAY_TLS_CLIENTS_NOT_ASKED. Handlers learn who a client is by belay_call_peer_identity().
 *
 * tls: to change.
 * clients: what to ask; BELAY_TLS_CLIENTS_NOT_ASKED by default.
 * Threads: any.
 */
BELAY_API void belay_tls_set_clients(belay_tls *tls, belay_tls_clients clients);

/*
 * Sets the name that the certificates of a channel's servers must be for, and that calls carry as
 * :authority, when it is not the one in the target: for tests, and for servers behind another name.
 *
 * tls: to change; keeps the old one on failure.
 * host: a host name or an IP address, without a port; copied. NULL: the target's, or the authority's where
 *     the channel has one.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT for what is no name; BELAY_RESOURCE_EXHAUSTED without memory.
 * Threads: any. Holds for channels that are made later.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_tls_set_host(belay_tls *tls, const char *host);

/*
 * Sets how long a handshake may take. Against clients that begin one and do not go on.
 *
 * tls: to change.
 * timeout_ns: in nanoseconds; 10 s by default; BELAY_FOREVER for no limit.
 * Threads: any.
 */
BELAY_API void belay_tls_set_handshake_timeout(belay_tls *tls, uint64_t timeout_ns);

/*
 * Sets how often the files are looked at. A change is read once they have stayed the same from one look to
 * the next.
 *
 * tls: to change.
 * interval_ns: in nanoseconds; 1 s by default; 0 for never: then only belay_tls_reload() reads them. Counts from
 *     now on, also when the object is used already.
 * Threads: any; waits for a look that is being taken.
 */
BELAY_API void belay_tls_set_check_interval(belay_tls *tls, uint64_t interval_ns);

/*
 * Reads all files again, for the handshakes that come: on SIGHUP, say. What was set from memory stays, and connections
 * that are there go on. Sessions from before are not resumed.
 *
 * tls: an object; keeps what it has on failure, which the log tells too (BELAY_LOG_ERROR).
 * Returns as belay_tls_set_certificate().
 * Threads: any; reads files.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_tls_reload(belay_tls *tls);

/*
 * Tells what was wrong when a function above failed last, with the name of the file if it was one.
 *
 * tls: an object.
 * text, size: receives it, cut to size bytes with the NUL; empty when nothing has failed.
 * Threads: any.
 */
BELAY_API void belay_tls_error(const belay_tls *tls, char *text, size_t size);

/* ---- Who the other side is ----------------------------------------------------------------------- */

/*
 * Tells who a handler's client is, by the certificate that it proved to have and that an authority of
 * belay_tls_set_trust() vouches for.
 *
 * call: a handler's call.
 * Returns who it is; NULL when the client has shown no certificate, without TLS, and for client calls.
 * Threads: any, while the handler runs.
 * Lifetime: until the handler returns.
 */
BELAY_API const belay_peer_identity *belay_call_peer_identity(const belay_call *call);

/*
 * Gives the certificate's subject, as RFC 2253 writes it: "CN=client,O=Example".
 *
 * identity: who.
 * Returns UTF-8 text, never NULL; empty when there is none.
 * Threads: any. Lifetime: as long as the identity, as for all below.
 */
BELAY_API const char *belay_peer_identity_subject(const belay_peer_identity *identity);

/* Kinds of names in a certificate (RFC 5280, 4.2.1.6). */
typedef enum belay_peer_name {
    BELAY_PEER_NAME_DNS = 0,
    BELAY_PEER_NAME_IP = 1,  /* "192.0.2.1", "2001:db8::1" */
    BELAY_PEER_NAME_URI = 2, /* "spiffe://example.org/service" */
    BELAY_PEER_NAME_EMAIL = 3
} belay_peer_name;

/*
 * Gives the certificate's alternative names of a kind.
 *
 * identity: who.
 * kind: of which kind.
 * index: counts those of the kind, from 0.
 * Returns the name, or NULL beyond the last.
 * Threads: any.
 */
BELAY_API const char *belay_peer_identity_name(const belay_peer_identity *identity, belay_peer_name kind,
                                               size_t index);

/*
 * Gives the certificate.
 *
 * identity: who.
 * Returns it as PEM.
 * Threads: any.
 */
BELAY_API const char *belay_peer_identity_certificate(const belay_peer_identity *identity);

BELAY_END_DECLS

#endif
