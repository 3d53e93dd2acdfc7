/* SPDX-License-Identifier: MIT */
#include "transport/certificates.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/patience.h"

static void
need(bool is_there, const char *what)
{
    if (!is_there)
        patience_lost("certificates: cannot %s", what);
}

/* ---- Files --------------------------------------------------------------------------------------- */

static const char *
path_of(const certificates *all, const char *name, const char *ending)
{
    static char paths[8][96];
    static unsigned int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s%s", all->folder, name, ending);
    return path;
}

const char *
certificate_file(const certificates *all, const char *name)
{
    return path_of(all, name, ".pem");
}

const char *
key_file(const certificates *all, const char *name)
{
    return path_of(all, name, ".key");
}

void
certificates_open(certificates *all)
{
    strcpy(all->folder, "/tmp/belay-tls-XXXXXX");
    need(mkdtemp(all->folder) != NULL, "make a folder");
}

void
certificates_close(certificates *all)
{
    DIR *folder = opendir(all->folder);
    struct dirent *entry;
    need(folder != NULL, "open the folder");
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    closedir(folder);
    rmdir(all->folder);
}

void
certificates_write(const certificates *all, const char *file, const char *text)
{
    const char *temporary = path_of(all, "new", "");
    FILE *out = fopen(temporary, "w");
    need(out != NULL && fputs(text, out) >= 0 && fclose(out) == 0, "write a file");
    need(rename(temporary, path_of(all, file, "")) == 0, "replace a file");
}

static void
copy_file(const certificates *all, const char *to, const char *from, const char *ending)
{
    char text[16384], target[64];
    FILE *in = fopen(path_of(all, from, ending), "r");
    size_t size = in != NULL ? fread(text, 1, sizeof text - 1, in) : 0;
    need(size > 0, "read a file");
    fclose(in);
    text[size] = '\0';
    snprintf(target, sizeof target, "%s%s", to, ending);
    certificates_write(all, target, text);
}

void
certificates_replace(const certificates *all, const char *name, const char *by)
{
    copy_file(all, name, by, ".pem");
    copy_file(all, name, by, ".key");
}

/* ---- Making -------------------------------------------------------------------------------------- */

static EVP_PKEY *
read_key(const certificates *all, const char *name)
{
    FILE *in = fopen(key_file(all, name), "r");
    EVP_PKEY *key = in != NULL ? PEM_read_PrivateKey(in, NULL, NULL, NULL) : NULL;
    need(key != NULL, "read an authority's key");
    fclose(in);
    return key;
}

static X509 *
read_certificate(const certificates *all, const char *name)
{
    FILE *in = fopen(certificate_file(all, name), "r");
    X509 *certificate = in != NULL ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;
    need(certificate != NULL, "read an authority's certificate");
    fclose(in);
    return certificate;
}

static void
set_subject(X509 *certificate, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"belay tests", -1, -1, 0);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
}

static void
add_extension(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    need(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, "add an extension");
    X509_EXTENSION_free(extension);
}

static void
write_both(const certificates *all, const char *name, X509 *certificate, EVP_PKEY *key)
{
    FILE *out = fopen(certificate_file(all, name), "w");
    need(out != NULL && PEM_write_X509(out, certificate) == 1 && fclose(out) == 0, "write a certificate");
    out = fopen(key_file(all, name), "w");
    need(out != NULL && PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(out) == 0,
         "write a key");
}

static X509 *
begin(certificate_wish wish, EVP_PKEY *key)
{
    static long serial;
    X509 *certificate = X509_new();
    need(certificate != NULL && key != NULL, "begin a certificate");
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), wish.from_s != 0 ? wish.from_s : -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), wish.until_s != 0 ? wish.until_s : 24 * 3600);
    X509_set_pubkey(certificate, key);
    set_subject(certificate, wish.name);
    if (wish.is_authority)
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    if (wish.limits != NULL)
        add_extension(certificate, NID_name_constraints, wish.limits);
    if (wish.usages != NULL)
        add_extension(certificate, NID_ext_key_usage, wish.usages);
    if (wish.names != NULL)
        add_extension(certificate, NID_subject_alt_name, wish.names);
    return certificate;
}

void
certificates_make(const certificates *all, certificate_wish wish)
{
    EVP_PKEY *key = wish.is_rsa ? EVP_RSA_gen(wish.bits != 0 ? wish.bits : 2048) : EVP_EC_gen("P-256");
    X509 *certificate = begin(wish, key);
    X509 *issuer = wish.issuer != NULL ? read_certificate(all, wish.issuer) : NULL;
    EVP_PKEY *issuer_key = issuer != NULL ? read_key(all, wish.issuer) : NULL;
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer != NULL ? issuer : certificate));
    need(X509_sign(certificate, issuer != NULL ? issuer_key : key, EVP_sha256()) > 0, "sign a certificate");
    write_both(all, wish.name, certificate, key);
    X509_free(issuer);
    EVP_PKEY_free(issuer_key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void
certificates_make_usual(const certificates *all)
{
    certificates_make(all, (certificate_wish){.name = "ca", .is_authority = true});
    certificates_make(all, (certificate_wish){.name = "other-ca", .is_authority = true});
    certificates_make(all, (certificate_wish){.name = "server", .issuer = "ca",
                                              .names = "DNS:localhost,IP:127.0.0.1,IP:::1"});
    certificates_make(all, (certificate_wish){.name = "client", .issuer = "ca",
                                              .names = "DNS:client.example,IP:192.0.2.7,IP:2001:db8::7,"
                                                       "URI:spiffe://example/client,email:client@example"});
    certificates_make(all, (certificate_wish){.name = "stranger", .issuer = "other-ca", .names = "DNS:localhost"});
}
