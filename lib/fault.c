/* fault: see fault.h. */
#include "fault.h"

#ifdef MBEV_FAULTS

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_RULES = 8, NAME = 64 };

struct rule {
    char point[NAME];
    char action[NAME];
    uint64_t about; /* 0 = anything */
    int wanted;     /* which pass */
    bool on;        /* and each one after it */
    int passes;
};

static struct rule rules[MOST_RULES];
static size_t rules_n;
static bool is_read;
static FILE *trace;

/* point[@about]:action[:n[+]] */
static bool
read_rule(struct rule *rule, char *text)
{
    char *action = strchr(text, ':'), *count, *about;

    if (!action)
        return false;
    *action++ = '\0';
    count = strchr(action, ':');
    if (count)
        *count++ = '\0';
    about = strchr(text, '@');
    if (about)
        *about++ = '\0';
    if (strlen(text) >= NAME || strlen(action) >= NAME)
        return false;
    strcpy(rule->point, text);
    strcpy(rule->action, action);
    rule->about = about ? strtoull(about, NULL, 10) : 0;
    rule->wanted = count ? atoi(count) : 1;
    rule->on = count && strchr(count, '+');
    return true;
}

static void
read_rules(void)
{
    const char *want = getenv("MBEV_FAULT");
    const char *path = getenv("MBEV_FAULT_TRACE");
    char *copy = want ? strdup(want) : NULL, *rest = NULL;

    is_read = true;
    for (char *one = copy ? strtok_r(copy, ",", &rest) : NULL;
         one && rules_n < MOST_RULES; one = strtok_r(NULL, ",", &rest))
        rules_n += read_rule(&rules[rules_n], one);
    free(copy);
    trace = path ? fopen(path, "ae") : NULL;
}

static void
tell(const char *name)
{
    if (!trace)
        return;
    fprintf(trace, "%s\n", name);
    fflush(trace);
}

static bool
act(const char *action)
{
    if (strcmp(action, "stop") == 0)
        raise(SIGSTOP);
    else if (strcmp(action, "kill") == 0)
        raise(SIGKILL);
    else if (strcmp(action, "crash") == 0)
        raise(SIGSEGV);
    else if (strcmp(action, "sleep") == 0)
        sleep(1);
    return strcmp(action, "fail") == 0;
}

static bool
pass(const char *name, uint64_t about)
{
    bool fails = false;

    if (!is_read)
        read_rules();
    tell(name);
    for (size_t i = 0; i < rules_n; i++) {
        struct rule *rule = &rules[i];

        if (strcmp(rule->point, name) != 0 ||
            (rule->about && rule->about != about))
            continue;
        rule->passes++;
        if (rule->passes == rule->wanted ||
            (rule->on && rule->passes > rule->wanted))
            fails |= act(rule->action);
    }
    return fails;
}

void
fault_point(const char *name)
{
    pass(name, 0);
}

void
fault_point_at(const char *name, uint64_t about)
{
    pass(name, about);
}

bool
fault_fails(const char *name)
{
    return pass(name, 0);
}

#else

typedef int fault_seams_are_compiled_out;

#endif
