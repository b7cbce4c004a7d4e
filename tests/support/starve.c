/* The C library lets a program bring its own malloc; this one hands on what it does not refuse. */
#include "tests/support/starve.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Called before the sanitizers are ready. */
#define EARLY __attribute__((no_sanitize("address", "undefined")))

void *STARVE_REAL(malloc)(size_t len);
void *STARVE_REAL(calloc)(size_t count, size_t len);
void *STARVE_REAL(realloc)(void *p, size_t len);
void *STARVE_REAL(memalign)(size_t align, size_t len);
void *__real_sodium_malloc(size_t len) __attribute__((weak));
void *__wrap_sodium_malloc(size_t len);

static struct starve own;
static struct starve *const nobody = &own;
static struct starve *page = &own;

__attribute__((constructor)) static void share_page(void)
{
	const char *path = getenv("WARREN_STARVE");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *shared = fd < 0 ? MAP_FAILED
			      : mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (path != NULL && shared == MAP_FAILED)
		abort(); /* a test that starves nobody would prove nothing */
	if (fd >= 0)
		close(fd);
	page = shared != MAP_FAILED ? shared : nobody;
}

/* Take one of *left, if there is one. */
EARLY static bool take(uint64_t *left)
{
	uint64_t n = __atomic_load_n(left, __ATOMIC_SEQ_CST);

	while (n > 0 && !__atomic_compare_exchange_n(left, &n, n - 1, false, __ATOMIC_SEQ_CST,
						     __ATOMIC_SEQ_CST))
		continue;
	return n > 0;
}

EARLY static bool refused(void)
{
	__atomic_add_fetch(&page->calls, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&page->failures, __ATOMIC_SEQ_CST) == 0 || take(&page->passes) ||
	    !take(&page->failures))
		return false;
	__atomic_add_fetch(&page->failed, 1, __ATOMIC_SEQ_CST);
	errno = ENOMEM;
	return true;
}

EARLY void *malloc(size_t len)
{
	return refused() ? NULL : STARVE_REAL(malloc)(len);
}

EARLY void *calloc(size_t count, size_t len)
{
	return refused() ? NULL : STARVE_REAL(calloc)(count, len);
}

EARLY void *realloc(void *p, size_t len)
{
	return refused() ? NULL : STARVE_REAL(realloc)(p, len);
}

EARLY void *reallocarray(void *p, size_t count, size_t len)
{
	size_t all;

	if (__builtin_mul_overflow(count, len, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, all);
}

EARLY void *memalign(size_t align, size_t len)
{
	return refused() ? NULL : STARVE_REAL(memalign)(align, len);
}

EARLY void *aligned_alloc(size_t align, size_t len)
{
	return memalign(align, len);
}

EARLY int posix_memalign(void **out, size_t align, size_t len)
{
	void *p = memalign(align, len);

	if (p == NULL)
		return ENOMEM;
	*out = p;
	return 0;
}

EARLY char *strndup(const char *text, size_t most)
{
	size_t len = strnlen(text, most);
	char *copy = malloc(len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

EARLY char *strdup(const char *text)
{
	return strndup(text, PTRDIFF_MAX);
}

void *__wrap_sodium_malloc(size_t len)
{
	return refused() ? NULL : __real_sodium_malloc(len);
}

void starve_after(uint64_t passes, uint64_t failures)
{
	__atomic_store_n(&page->failures, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&page->failed, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&page->passes, passes, __ATOMIC_SEQ_CST);
	__atomic_store_n(&page->failures, failures, __ATOMIC_SEQ_CST);
}

uint64_t starve_end(void)
{
	__atomic_store_n(&page->failures, 0, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&page->failed, __ATOMIC_SEQ_CST);
}

uint64_t starve_calls(void)
{
	return __atomic_load_n(&page->calls, __ATOMIC_SEQ_CST);
}
