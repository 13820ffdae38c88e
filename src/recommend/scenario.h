/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room: a scenario's settings, read. doc/scenarios.md has the members and what they do. */
#ifndef NT_RECOMMEND_SCENARIO_H
#define NT_RECOMMEND_SCENARIO_H

#include "recommend/recommend.h"

typedef enum NtRuleKind {
    NT_RULE_HIDE,
    NT_RULE_PIN,
    NT_RULE_BOOST,
    NT_RULE_BURY,
    NT_RULE_SHARE,
    NT_RULE_CAP,
    NT_RULE_KINDS
} NtRuleKind;
const char *nt_rule_kind_name(NtRuleKind kind);

enum { NT_MOST_RULES = 32, NT_MOST_PINS = 50 /* products of a rule */ };

typedef struct NtRule {
    NtRuleKind kind;
    char *where;         /* of products that it is for; NULL: all (a cap only), or it names products */
    char **products;     /* of a pin; NULL-terminated */
    unsigned position;   /* of the first of these, from 0 */
    double by;           /* of boost and bury: 1 .. 100 */
    double share;        /* of places: 0 .. 1 */
    char *field;         /* of a cap: products of one value; NULL: all that match */
    unsigned most;       /* of a cap: places */
    int64_t from, until; /* milliseconds since 1970; INT64_MIN and INT64_MAX: no bound */
} NtRule;

typedef enum NtAfterPurchase { NT_AFTER_SIMILAR, NT_AFTER_COMPLEMENT, NT_AFTER_HIDE_NEAR } NtAfterPurchase;

struct NtScenario {
    gint refs;
    int64_t version; /* 0: what is there without settings */
    size_t k;
    double diversity;
    char *where;                      /* NULL: all */
    double weights[NT_SOURCE_KINDS];  /* 0: off; 1: as it is without settings */
    unsigned places[NT_SOURCE_KINDS]; /* that at least are of a source */
    NtAfterPurchase after_purchase;
    int control_percent, random_percent; /* -1: as the server has them */
    GArray *rules;                       /* NtRule, in their order */
};

/* Whether a rule is in force. */
static inline bool nt_rule_holds(const NtRule *rule, int64_t now) { return now >= rule->from && now < rule->until; }

#endif
