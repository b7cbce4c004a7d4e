/* Servers by name or address, with a port (interface.md section 2). */
#include "conf/conf_host.h"

#include <string.h>

#include "base/text.h"

bool conf_host_is_name(const char *text)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	size_t len = strlen(text);

	/* Digits and dots only is an IPv4 address that went wrong. */
	return len > 0 && len <= CONF_HOST_MAX && strspn(text, allowed) == len &&
	       strspn(text, "0123456789.") < len && text[0] != '.' && text[0] != '-' &&
	       !strstr(text, "..");
}

bool conf_host_is_address(const struct addr *a)
{
	enum addr_class class = addr_class(a);

	return class != ADDR_CLASS_UNSPECIFIED && class != ADDR_CLASS_MULTICAST &&
	       class != ADDR_CLASS_BROADCAST;
}

/* Part host and port, which is NULL when there is none. */
static enum conf_host_result part(char *text, char **host, char **port)
{
	struct addr plain;

	*host = text;
	*port = NULL;
	if (text[0] == '[') {
		char *close = strchr(text, ']');
		if (!close || (close[1] != '\0' && close[1] != ':'))
			return CONF_HOST_HALF_BRACKET;
		*port = close[1] ? close + 2 : NULL;
		++*host;
		*close = '\0';
		return CONF_HOST_OK;
	}
	if (addr_parse_ip(&plain, text) && plain.family == ADDR_V6)
		return CONF_HOST_BARE_V6;
	if (strchr(text, ':') != strrchr(text, ':'))
		return CONF_HOST_BARE_COLONS;
	if ((*port = strchr(text, ':')))
		*(*port)++ = '\0';
	return CONF_HOST_OK;
}

enum conf_host_result conf_host_read(struct conf_endpoint *out, char *text)
{
	char *host, *port;
	uint64_t number = 0;
	enum conf_host_result result = part(text, &host, &port);

	if (result != CONF_HOST_OK)
		return result;
	if (port && (text_u64(&number, port, 65535) != TEXT_OK || number == 0))
		return CONF_HOST_PORT;

	*out = (struct conf_endpoint){.port = (uint16_t)number};
	if (addr_parse_ip(&out->addr, host)) {
		out->addr.port = out->port;
		return conf_host_is_address(&out->addr) ? CONF_HOST_OK : CONF_HOST_NOT_ONE;
	}
	if (text[0] == '[' || !conf_host_is_name(host))
		return CONF_HOST_NEITHER;
	out->host = host;
	return CONF_HOST_OK;
}

enum conf_host_result conf_host_copy(struct conf_endpoint *out,
				     char copy[static CONF_HOST_TEXT_MAX], const char *text,
				     uint16_t port)
{
	enum conf_host_result result = CONF_HOST_NEITHER;
	size_t len = strlen(text);

	if (len < CONF_HOST_TEXT_MAX) {
		memcpy(copy, text, len + 1);
		result = conf_host_read(out, copy);
	}
	if (result == CONF_HOST_OK && out->port == 0)
		out->port = out->addr.port = port;
	return result;
}
