/* Does the time of a compare tell about a secret? Under valgrind secrets are marked undefined, so every branch and every
 * address that depends on them is reported (reliability 5.2, row 53; the method is Langley's ctgrind). TAP;
 * tests/unit/crypto/ctgrind starts it. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND                       0
#define VALGRIND_COUNT_ERRORS                     0
#define VALGRIND_MAKE_MEM_UNDEFINED(address, len) ((void)(address), (void)(len))
#define VALGRIND_MAKE_MEM_DEFINED(address, len)   ((void)(address), (void)(len))
#endif

#include "crypto/blake2s.h"
#include "crypto/crypto.h"
#include "crypto/key.h"

static uint8_t ours[KEY_LEN], theirs[KEY_LEN];

static bool bytes_equal(void)
{
	return key_bytes_equal(ours, theirs, sizeof ours);
}

static bool public_equal(void)
{
	return key_public_equal((struct key_public *)ours, (struct key_public *)theirs);
}

static bool private_is_zero(void)
{
	return key_private_is_zero((struct key_private *)ours);
}

static bool shared_is_zero(void)
{
	return key_shared_is_zero((struct key_shared *)ours);
}

static bool public_from(void)
{
	key_public_from((struct key_public *)theirs, (struct key_private *)ours);
	return true;
}

static bool mac_and_compare(void)
{
	uint8_t mac[BLAKE2S_MAC_LEN];

	blake2s_mac(mac, sizeof mac, ours, sizeof ours, "message", 7);
	return key_bytes_equal(mac, theirs, sizeof mac);
}

/* The mistake itself: has to be reported, or the others prove nothing. Called through a pointer, since a compiler may turn
 * this very compare into one without branches. */
static bool quick_compare(void)
{
	int (*volatile compare)(const void *, const void *, size_t) = memcmp;

	return compare(ours, theirs, sizeof ours) == 0;
}

static const struct {
	const char *name;
	bool (*run)(void);
	bool tells; /* its time depends on the secret */
} cases[] = {
	{"vuln_53: memcmp of secrets is noticed by this test", quick_compare, true},
	{"vuln_53: key_bytes_equal takes as long for every secret", bytes_equal, false},
	{"vuln_53: key_public_equal takes as long for every key", public_equal, false},
	{"vuln_53: key_private_is_zero takes as long for every key", private_is_zero, false},
	{"vuln_53: key_shared_is_zero takes as long for every key", shared_is_zero, false},
	{"vuln_53: key_public_from takes as long for every key", public_from, false},
	{"vuln_53: a keyed hash and its check take as long for every key", mac_and_compare, false},
};

int main(void)
{
	const size_t count = sizeof cases / sizeof *cases;
	bool failed = false;

	if (!RUNNING_ON_VALGRIND) {
		printf("1..0 # SKIP not run by valgrind\n");
		return 0;
	}
	if (crypto_init("sodium") != 0)
		return 1;

	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		memset(ours, 0x5a, sizeof ours);
		memcpy(theirs, ours, sizeof theirs);
		VALGRIND_MAKE_MEM_UNDEFINED(ours, sizeof ours);
		VALGRIND_MAKE_MEM_UNDEFINED(theirs, sizeof theirs);

		unsigned before = VALGRIND_COUNT_ERRORS;
		volatile bool answer = cases[i].run();
		bool told = VALGRIND_COUNT_ERRORS != before;

		(void)answer; /* stored, so that the call stays; may be known, so it is not looked at */
		failed = failed || told != cases[i].tells;
		printf("%sok %zu - %s\n", told == cases[i].tells ? "" : "not ", i + 1,
		       cases[i].name);
		VALGRIND_MAKE_MEM_DEFINED(ours, sizeof ours);
		VALGRIND_MAKE_MEM_DEFINED(theirs, sizeof theirs);
	}
	return failed;
}
