/* Names and meanings of drop reasons, from the one list in drop.h. */
#include "base/drop.h"

#include <assert.h>

#define X(id, text, what) [DROP_##id] = {text, what},
static const struct {
	const char *name, *meaning;
} reasons[DROP_COUNT] = {[DROP_NONE] = {"none", "not dropped"}, DROP_REASONS(X)};
#undef X

const char *drop_name(enum drop d)
{
	assert(d >= 0 && d < DROP_COUNT);
	return reasons[d].name;
}

const char *drop_meaning(enum drop d)
{
	assert(d >= 0 && d < DROP_COUNT);
	return reasons[d].meaning;
}
