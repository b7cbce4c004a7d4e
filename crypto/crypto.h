/* Start of all cryptography: libsodium, the algorithms fetched from OpenSSL, the AEAD back end. */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

/* Call before anything else in this room, once (tests call it again to change the back end). `aead`
 * names a back end ("mb", "mb-avx2", "openssl", "sodium"; in test builds "none", no cipher) or is NULL for the best one this CPU and
 * build have. 0; -ENOENT for a back end not to be had here; -EIO when a library does not start or
 * fails its self-test (random generator included: F69). */
int crypto_init(const char *aead);

#endif
