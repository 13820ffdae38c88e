/* SPDX-License-Identifier: Apache-2.0 */
/* What a request is answered by. The tests' helper has another of these, which tries what must not work. */
#include "decoder/decoder-internal.h"

void nt_helper_answer(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply) {
    switch ((NtWireTask)request->task) {
    case NT_WIRE_DECODE: nt_helper_decode(helper, request, reply); break;
    case NT_WIRE_ENCODE: nt_helper_encode(helper, request, reply); break;
    default: nt_reply_fail(reply, NT_WIRE_FAILED, "an unknown task"); break;
    }
}
