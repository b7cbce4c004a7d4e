/* Readers of text against models made of libc: base64, hex, numbers, addresses, prefixes, UTF-8 (reliability.md 4.1,
 * harness 14; vuln_11, vuln_13, vuln_32). Every input goes through every reader. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/prefix.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

/* Bits as RFC 4648 lays them out, one letter after the other. */
static bool model_base64(uint8_t out[static 32], const char *text)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, held = 0;
	size_t len = 0;

	if (strlen(text) != 44 || text[43] != '=')
		return false;
	for (size_t i = 0; i < 43; i++) {
		const char *letter = strchr(letters, text[i]);
		if (letter == NULL)
			return false;
		bits = bits << 6 | (unsigned)(letter - letters);
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[len++] = (uint8_t)(bits >> held);
		}
	}
	return (bits & ((1u << held) - 1)) == 0;
}

static void check_base64(const char *text)
{
	uint8_t got[32], want[32];
	char again[TEXT_BASE64_32_LEN + 1];

	bool ok = text_base64(got, text) == TEXT_OK;
	must(ok == model_base64(want, text), "base64 accepts what the model accepts");
	if (!ok)
		return;
	must(memcmp(got, want, sizeof got) == 0, "base64 reads what the model reads");
	text_base64_print(again, got);
	must(strcmp(again, text) == 0, "base64 prints what it read");
}

static void check_hex(const char *text)
{
	uint8_t got[32];
	char again[65];
	bool want = strlen(text) == 64;

	for (size_t i = 0; want && i < 64; i++)
		want = isxdigit((unsigned char)text[i]);
	bool ok = text_hex32(got, text) == TEXT_OK;
	must(ok == want, "hex accepts 64 digits");
	if (!ok)
		return;
	text_hex32_print(again, got);
	must(strcasecmp(again, text) == 0, "hex prints what it read");
}

/* strtoull, where it is given only digits. */
static bool model_number(uint64_t *out, const char *text, int base, uint64_t most)
{
	const char *digits = base == 16 ? "0123456789abcdefABCDEF" : "0123456789";

	if (*text == '\0' || text[strspn(text, digits)] != '\0')
		return false;
	errno = 0;
	*out = strtoull(text, NULL, base);
	return errno == 0 && *out <= most;
}

static void check_numbers(const char *text)
{
	static const uint64_t bounds[] = {0,         7, 128, UINT16_MAX, UINT32_MAX, UINT64_MAX - 1,
					  UINT64_MAX};
	uint64_t got, want;
	uint32_t got32;

	for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
		bool ok = text_u64(&got, text, bounds[i]) == TEXT_OK;
		must(ok == model_number(&want, text, 10, bounds[i]),
		     "numbers are what strtoull takes");
		must(!ok || got == want, "numbers are what strtoull reads");
	}
	bool hex = text[0] == '0' && text[1] == 'x';
	bool ok = text_u32_any(&got32, text) == TEXT_OK;
	must(ok == model_number(&want, text + (hex ? 2 : 0), hex ? 16 : 10, UINT32_MAX),
	     "marks are what strtoull takes");
	must(!ok || got32 == want, "marks are what strtoull reads");
}

/* The first `len` bytes of text, cut off where no address could be so long. */
static const char *head(char buf[static 128], const char *text, size_t len)
{
	snprintf(buf, 128, "%.*s", (int)(len < 127 ? len : 127), text);
	return buf;
}

static bool model_ip(struct addr *out, const char *text)
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
	char buf[128];
	uint64_t scope = 0;
	const char *zone = strrchr(text, '%');

	*out = (struct addr){.family = ADDR_V4};
	if (inet_pton(AF_INET, text, out->ip) == 1)
		return true;
	out->family = ADDR_V6;
	if (inet_pton(AF_INET6, zone != NULL ? head(buf, text, (size_t)(zone - text)) : text,
		      out->ip) != 1)
		return false;
	if (zone != NULL) {
		if (strlen(zone) > 11 || !model_number(&scope, zone + 1, 10, UINT32_MAX) ||
		    scope == 0)
			return false;
		if (!IN6_IS_ADDR_LINKLOCAL((struct in6_addr *)out->ip))
			return false;
		out->scope = (uint32_t)scope;
	}
	if (memcmp(out->ip, mapped, sizeof mapped) == 0) {
		struct addr v4 = {.family = ADDR_V4};
		memcpy(v4.ip, out->ip + 12, 4);
		*out = v4;
	}
	return true;
}

static bool model_addr(struct addr *out, const char *text)
{
	char buf[128];
	uint64_t port;
	const char *colon = strrchr(text, ':');

	if (colon == NULL || !model_number(&port, colon + 1, 10, UINT16_MAX) || port == 0)
		return false;
	size_t host_len = (size_t)(colon - text);
	if (text[0] == '[') {
		if (text[host_len - 1] != ']' || host_len > 100)
			return false;
		head(buf, text + 1, host_len - 2);
		if (strchr(buf, ':') == NULL)
			return false;
	} else {
		if (host_len > 15 || memchr(text, ':', host_len) != NULL)
			return false;
		head(buf, text, host_len);
	}
	if (!model_ip(out, buf))
		return false;
	out->port = (uint16_t)port;
	return true;
}

static void check_addresses(const char *text)
{
	struct addr got, want, again;
	char buf[ADDR_TEXT_MAX];

	bool ok = addr_parse(&got, text);
	must(ok == model_addr(&want, text), "addresses are what the model takes");
	if (ok) {
		must(addr_equal(&got, &want), "addresses are what the model reads");
		must(addr_parse(&again, addr_print(&got, buf)) && addr_equal(&got, &again),
		     "addresses are read as they are printed");
	}

	ok = addr_parse_ip(&got, text);
	must(ok == model_ip(&want, text), "IPs are what inet_pton takes");
	if (ok) {
		must(addr_equal(&got, &want), "IPs are what inet_pton reads");
		must(addr_parse_ip(&again, addr_print_ip(&got, buf)) && addr_equal(&got, &again),
		     "IPs are read as they are printed");
		must(addr_class(&got) <= ADDR_CLASS_GLOBAL, "IPs have a class");
	}
}

static void check_prefix(const char *text)
{
	struct prefix got, again;
	uint8_t ip[16] = {0};
	char buf[128], printed[PREFIX_TEXT_MAX];
	const char *slash = strrchr(text, '/');
	const char *host = slash != NULL ? head(buf, text, (size_t)(slash - text)) : text;

	bool v4 = inet_pton(AF_INET, host, ip) == 1, v6 = !v4 && inet_pton(AF_INET6, host, ip) == 1;
	uint64_t bits = v4 ? 32 : 128;
	bool want = (v4 || v6) && (slash == NULL || model_number(&bits, slash + 1, 10, bits));
	bool ok = prefix_parse(&got, text);
	must(ok == want, "prefixes are what inet_pton takes");
	if (!ok)
		return;
	must(got.len == bits && memcmp(got.ip, ip, sizeof ip) == 0,
	     "prefixes are what inet_pton reads");
	must(prefix_parse(&again, prefix_print(&got, printed)) && prefix_equal(&got, &again),
	     "prefixes are read as they are printed");
	prefix_mask(&again);
	must(prefix_contains(&again, ip) && prefix_overlaps(&got, &again),
	     "an address lies in its own prefix");
}

/* iconv takes text apart; which code points print is said once more here. */
static bool model_utf8(const uint8_t *data, size_t len)
{
	static iconv_t to_wide = (iconv_t)-1;
	char *in = (char *)data;

	if (to_wide == (iconv_t)-1)
		to_wide = iconv_open("WCHAR_T", "UTF-8");
	must(to_wide != (iconv_t)-1, "iconv knows UTF-8");
	while (len > 0) {
		wchar_t wide;
		char *out = (char *)&wide;
		size_t room = sizeof wide;
		iconv(to_wide, NULL, NULL, NULL, NULL);
		if (iconv(to_wide, &in, &len, &out, &room) == (size_t)-1 && errno != E2BIG)
			return false;
		if (room != 0 || wide < ' ' || (wide >= 0x7f && wide <= 0x9f) ||
		    (wide >= 0xd800 && wide <= 0xdfff) || wide > 0x10ffff ||
		    (wide >= 0x2028 && wide <= 0x202e) || (wide >= 0x2066 && wide <= 0x2069))
			return false;
	}
	return true;
}

static void check_utf8(const uint8_t *data, size_t len, const char *text)
{
	char out[64];
	size_t text_len = strlen(text);

	must(text_is_printable_utf8((const char *)data, len) == model_utf8(data, len),
	     "UTF-8 is what iconv takes");
	for (size_t room = 1; room <= sizeof out; room += 21) {
		log_escape(out, room, text);
		must(strlen(out) < room, "escaped text stays within its room");
		must(text_is_printable_utf8(out, strlen(out)),
		     "escaped text is one printable line");
		if (text_len < room && text_is_printable_utf8(text, text_len))
			must(strcmp(out, text) == 0, "printable text is left alone");
	}
}

static void check_nearest(const char *text)
{
	static const char *const words[] = {"PrivateKey", "ListenPort", "AllowedIPs", "MTU",
					    "Interface"};
	const char *got = text_nearest(text, words, 5);

	if (got == NULL)
		return;
	size_t len = strlen(text), got_len = strlen(got), most = (len + 2) / 3;
	must(len <= got_len + most && got_len <= len + most, "what is near is of a similar length");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	/* In a block of its own length, so that a read too far is seen. (strndup would do, but for
	 * ASan's strict_string_checks.) */
	size_t text_len = strnlen((const char *)data, len);
	char *text = malloc(text_len + 1);

	must(text != NULL, "there is memory");
	memcpy(text, data, text_len);
	text[text_len] = '\0';
	check_base64(text);
	check_hex(text);
	check_numbers(text);
	check_addresses(text);
	check_prefix(text);
	check_utf8(data, len, text);
	check_nearest(text);
	free(text);
	return 0;
}
