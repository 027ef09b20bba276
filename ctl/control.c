/* control: see control.h. */
#include "control.h"

#include "bytes.h"

#include <curl/curl.h>
#include <unistd.h>

enum { LARGEST_ANSWER = 4 << 20, WAIT_MS = 2000 };

static size_t
take(char *p, size_t size, size_t n, void *arg)
{
    struct bytes *answer = arg;

    bytes_add(answer, p, size * n);
    return answer->failed ? 0 : size * n;
}

static bool
ask(const char *path, struct bytes *answer)
{
    CURL *e = curl_easy_init();
    long status = 0;
    bool good;

    if (!e)
        return false;
    curl_easy_setopt(e, CURLOPT_URL, "http://localhost/status.json");
    curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, path);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)WAIT_MS);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, answer);
    good = curl_easy_perform(e) == CURLE_OK &&
           curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
           status == 200;
    curl_easy_cleanup(e);
    return good;
}

json_object *
control_status(const struct ctl *ctl)
{
    struct bytes answer = bytes_make(LARGEST_ANSWER);
    const char *path = ctl->set->service.control;
    json_object *json = NULL;

    if (*path && access(path, R_OK | W_OK) == 0 && ask(path, &answer))
        json = json_tokener_parse(bytes_text(&answer));
    bytes_free(&answer);
    return json;
}
