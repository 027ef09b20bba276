/* probe: see probe.h. */
#include "probe.h"

#include "clock.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    EACH_MS = 5000,
    ALL_MS = 15000,
    WAIT_MS = 200,
    AT_ONCE = 128,
    LONGEST_SOURCE = 128,
    MS_US = 1000
};

static enum probe_fault
fault_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return PROBE_GOOD;
    case CURLE_COULDNT_RESOLVE_HOST:
        return PROBE_NAME;
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
        return PROBE_CONNECTION;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return PROBE_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
        return PROBE_ENCRYPTION;
    default:
        return PROBE_OTHER;
    }
}

static void
finish(struct probe *p, CURL *easy, CURLcode code)
{
    curl_off_t us = 0;

    p->fault = fault_of(code);
    if (p->fault != PROBE_GOOD && !*p->why)
        snprintf(p->why, sizeof p->why, "%s", curl_easy_strerror(code));
    curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &us);
    p->ms = (long)(us / MS_US);
}

/* As the service connects, see lib/http.c. */
static CURL *
make_easy(struct probe *p)
{
    char source[LONGEST_SOURCE];
    CURL *e = curl_easy_init();

    if (!e)
        return NULL;
    curl_easy_setopt(e, CURLOPT_URL, p->url);
    curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)EACH_MS);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, p->why);
    curl_easy_setopt(e, CURLOPT_PRIVATE, p);
    if (*p->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, p->ca_file);
    if (*p->source) {
        snprintf(source, sizeof source, "host!%s", p->source);
        curl_easy_setopt(e, CURLOPT_INTERFACE, source);
    }
    return e;
}

/* Begins one. False when out of memory. */
static bool
begin(CURLM *multi, struct probe *p)
{
    p->why[0] = '\0';
    p->easy = make_easy(p);
    return p->easy && curl_multi_add_handle(multi, p->easy) == CURLM_OK;
}

static void
drop(CURLM *multi, struct probe *p)
{
    if (!p->easy)
        return;
    curl_multi_remove_handle(multi, p->easy);
    curl_easy_cleanup(p->easy);
    p->easy = NULL;
}

static size_t
reap(CURLM *multi)
{
    size_t ended = 0;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi, &left))) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        char *p = NULL;

        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &p);
        finish((struct probe *)p, easy, code);
        drop(multi, (struct probe *)p);
        ended++;
    }
    return ended;
}

/* Those behind at wait for their turn. */
static bool
run(CURLM *multi, struct probe *probe, size_t n)
{
    int64_t until_us = clock_boot_us() + (int64_t)ALL_MS * MS_US;
    size_t at = 0, active = 0;
    bool good = true;
    int running;

    while (good && (at < n || active > 0) && clock_boot_us() < until_us) {
        for (; good && at < n && active < AT_ONCE; at++, active++)
            good = begin(multi, &probe[at]);
        curl_multi_perform(multi, &running);
        active -= reap(multi);
        if (active > 0)
            curl_multi_poll(multi, NULL, 0, WAIT_MS, NULL);
    }
    return good;
}

bool
probe_all(struct probe *probe, size_t n)
{
    CURLM *multi = curl_multi_init();
    bool good = multi != NULL;

    for (size_t i = 0; i < n; i++) {
        probe[i].fault = PROBE_OTHER;
        snprintf(probe[i].why, sizeof probe[i].why, "there was no time left");
    }
    good = good && run(multi, probe, n);
    for (size_t i = 0; i < n; i++)
        drop(multi, &probe[i]);
    curl_multi_cleanup(multi);
    return good;
}
