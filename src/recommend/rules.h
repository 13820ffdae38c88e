/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room: the rules of a scenario as they are for one answer. */
#ifndef NT_RECOMMEND_RULES_H
#define NT_RECOMMEND_RULES_H

#include "recommend/recommend-internal.h"

/* Opens what the scenario of an asking says: asking->filter is narrowed; who asks, what they did and k are known.
 * Errors: those of reading. */
bool nt_ruling_open(NtAsking *asking, GError **error);
/* Something that could not be as a rule (-1: none) has it; said in the answer, once. */
void nt_ruling_note(NtRuling *ruling, int rule, const char *text);

/* What may be shown and is in a filter: new. */
NtFilter *nt_ruling_within(const NtAsking *asking, const NtFilter *filter, GError **error);

/* Makes a candidate worth more or less. */
void nt_ruling_boost(const NtAsking *asking, NtCandidate *candidate);
/* Whether a vector is of what is like something bought, where that is not shown again. */
bool nt_ruling_near_bought(const NtAsking *asking, uint32_t row);
/* Whether a quota counts a candidate. */
bool nt_quota_wants(const NtQuota *quota, const NtCandidate *candidate);
/* Whether the caps let a candidate through, beside what was taken; and taking it. */
bool nt_ruling_caps(const NtAsking *asking, const NtCandidate *candidate);
void nt_ruling_take(NtAsking *asking, const NtCandidate *candidate);

/* How many places pins leave, and putting them where they belong. */
size_t nt_ruling_room(const NtAsking *asking);
void nt_ruling_place_pins(NtAsking *asking, GArray *shown);

#endif
