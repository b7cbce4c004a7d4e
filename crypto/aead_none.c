/* No cipher, for test builds only (--enable-test-hooks): what the data plane costs beside the cipher. Transport data leaves as it is with a
 * tag of zeros; handshakes are sealed as ever. scripts/check-binary sees to it that no other build has this file. */
#include <string.h>
#include <unistd.h>

#include "crypto/aead.h"
#include "crypto/aead_backend.h"
#include "crypto/key.h"

static const uint8_t no_tag[AEAD_TAG_LEN];

/* Said past every log level, and looked for by scripts/check-binary. */
static int start(void)
{
	static const char warning[] = "WARREN_AEAD=none: nothing is encrypted\n";

	return write(STDERR_FILENO, warning, sizeof warning - 1) < 0 ? -1 : 0;
}

static void seal(struct aead_job *jobs, size_t count)
{
	for (struct aead_job *j = jobs; j < jobs + count; j++)
		memcpy(j->data + j->len, no_tag, sizeof no_tag);
}

static void open(struct aead_job *jobs, size_t count)
{
	for (struct aead_job *j = jobs; j < jobs + count; j++)
		j->ok = key_bytes_equal(j->data + j->len, no_tag, sizeof no_tag);
}

const struct aead_backend aead_none = {
	.name = "none", .start = start, .seal = seal, .open = open, .bare = true};
