/* What an AEAD back end offers. One is chosen at start; sodium is portable and the reference of the tests. */
#ifndef CRYPTO_AEAD_BACKEND_H
#define CRYPTO_AEAD_BACKEND_H

#include "crypto/aead.h"

struct aead_backend {
	const char *name;
	/* 0, or -ENOTSUP when this CPU or this machine's library cannot do it. Called again it only answers. */
	int (*start)(void);
	void (*seal)(struct aead_job *jobs, size_t count);
	void (*open)(struct aead_job *jobs, size_t count);
};

extern const struct aead_backend aead_mb, aead_mb_avx2; /* only with HAVE_IPSECMB */
extern const struct aead_backend aead_ossl, aead_sodium;

/* The back end of this name, started, or NULL when it is not to be had here. */
const struct aead_backend *aead_backend_find(const char *name);
/* Use it from now on. */
void aead_backend_use(const struct aead_backend *b);

#endif
