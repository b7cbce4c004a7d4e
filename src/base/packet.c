/* Packet memory: one mapping, whose pages cost nothing until they are written. */
#include "base/packet.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

_Static_assert(PACKET_SLOT % 32 == 0, "slots stay aligned for the ciphers");

int slab_init(struct slab *s, size_t slot_count)
{
	assert(slot_count > 0);
	*s = (struct slab){0};
	if (slot_count > SIZE_MAX / PACKET_SLOT)
		return -ENOMEM;

	void *memory = mmap(NULL, slot_count * PACKET_SLOT, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	*s = (struct slab){.memory = memory, .slot_count = slot_count};
	return 0;
}

void slab_free(struct slab *s)
{
	if (s->memory != NULL)
		munmap(s->memory, s->slot_count * PACKET_SLOT);
	*s = (struct slab){0};
}
