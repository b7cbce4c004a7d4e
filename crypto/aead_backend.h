/* What an AEAD back end offers. One is chosen at start; sodium is portable and the reference of the
 * tests. */
#ifndef CRYPTO_AEAD_BACKEND_H
#define CRYPTO_AEAD_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

struct aead_job; /* crypto/aead.h */

struct aead_backend {
	const char *name;
	/* 0, or -ENOTSUP when this CPU or this machine's library cannot do it. Called again it only
	 * answers. */
	int (*start)(void);
	void (*seal)(struct aead_job *jobs, size_t count);
	void (*open)(struct aead_job *jobs, size_t count);
	bool bare; /* it does not encrypt: only test builds have one, and only by its name */
};

extern const struct aead_backend aead_mb, aead_mb_avx2; /* only with HAVE_IPSECMB */
extern const struct aead_backend aead_ossl, aead_sodium;
extern const struct aead_backend aead_none; /* only with WARREN_TEST_HOOKS */

/* The back end of this name, started, or NULL when it is not to be had here. */
const struct aead_backend *aead_backend_find(const char *name);
/* Use it from now on. */
void aead_backend_use(const struct aead_backend *b);

#endif
