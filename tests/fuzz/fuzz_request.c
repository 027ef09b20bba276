/*
 * What subscribers can type, on its way into requests: lines of login, phone
 * and text. A body of a form has just its fields, a receipt is JSON, a text is
 * never a command.
 */
#include "fuzz.h"

#include "providers/komtet.h"
#include "providers/provider.h"

#include <json-c/json.h>

enum { LARGEST = 1 << 20 };

static struct settings set;

static void
make_settings(void)
{
    static const char file[] = "[smspilot]\napi_key = K\nsender = S\n"
                               "[smsc]\nlogin = L\npassword = P\n"
                               "[komtet]\nshop = S\nsecret = X\nqueue = 7\n"
                               "[receipt]\nname = {login} {uid}\n";
    struct bytes errors = bytes_make(LARGEST);

    if (set.company.name)
        return;
    holds(settings_load(&set, fuzz_file(file, sizeof file - 1), &errors));
    bytes_free(&errors);
}

static void
check_form(const struct bytes *body, size_t fields)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-._~+%=&";
    size_t marks = 0, joints = 0;

    holds(bytes_ok(body));
    holds(strspn(bytes_text(body), plain) == body->n);
    for (size_t i = 0; i < body->n; i++) {
        marks += body->p[i] == '=';
        joints += body->p[i] == '&';
    }
    holds(marks == fields && joints == fields - 1);
}

/* smsc takes a text that begins with __ for a command. */
static void
check_no_command(const struct bytes *body)
{
    const char *at = strstr(bytes_text(body), "&mes=");

    holds(at != NULL);
    at += 5;
    for (;;) {
        size_t white = strspn(at, "+");

        if (strncmp(at, "%0", 2) == 0 && strchr("9ABCD", at[2]))
            white += 3;
        if (white == 0)
            break;
        at += white;
    }
    holds(strncmp(at, "__", 2) != 0);
}

static void
notice(const struct message *message)
{
    struct bytes body = bytes_make(LARGEST);
    struct http_request request;

    smspilot.build(&set, message, 0, &request, &body);
    check_form(&body, 5);
    bytes_clear(&body);
    smsc.build(&set, message, 0, &request, &body);
    check_form(&body, 7);
    check_no_command(&body);
    bytes_free(&body);
}

static void
receipt(const char *login, const char *contact, int64_t kopecks)
{
    struct receipt what = { kopecks % 2 == 0, contact, kopecks, login, "1001",
        login, contact };
    struct bytes out = bytes_make(LARGEST);
    json_tokener *tok = json_tokener_new();
    json_object *json, *number;

    komtet_head(&out, &set);
    bytes_str(&out, "2026-11-1");
    komtet_tail(&out, &set, &what);
    holds(bytes_ok(&out));
    json_tokener_set_flags(
        tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json = json_tokener_parse_ex(tok, out.p, (int)out.n + 1);
    holds(json_tokener_get_error(tok) == json_tokener_success);
    holds(json_object_object_get_ex(json, "external_id", &number));
    holds(strcmp(json_object_get_string(number), "2026-11-1") == 0);
    json_object_put(json);
    json_tokener_free(tok);
    bytes_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    int64_t kopecks = 1 + fuzz_byte(&in) * 257;
    char *login = fuzz_line(&in), *to = fuzz_line(&in), *text = fuzz_rest(&in);
    struct message message = {
        .to = to, .text = text, .id = "MBEV-1", .channel = CHANNEL_SMSC
    };

    make_settings();
    notice(&message);
    receipt(login, to, kopecks);
    free(login);
    free(to);
    free(text);
    return 0;
}
