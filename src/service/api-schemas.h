/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas that routes name. */
#ifndef NT_SERVICE_SCHEMAS_H
#define NT_SERVICE_SCHEMAS_H

#include "service/api-schema.h"

extern const ApiSchema api_index_body, api_remove_body, api_remove_answer, api_facets_body, api_facets_answer,
    api_text_body, api_photo_query, api_import_body, api_job_answer, api_jobs_answer, api_job_results_answer,
    api_job_results_query, api_only_key, api_results_answer, api_product_answer, api_products_answer, api_models_answer,
    api_map_query, api_map_answer, api_judgement_body, api_judgements_answer, api_engine_answer, api_model_answer,
    api_model_query, api_speed_answer, api_votes_query, api_votes_answer, api_flags_answer, api_undo_answer,
    api_session_body, api_session_answer, api_status_answer, api_limits_answer, api_document_answer, api_similar_query,
    api_vector_body, api_image_body, api_recommend_body, api_product_body, api_list_query, api_audit_query,
    api_audit_answer, api_batch_body, api_batch_answer, api_photo_body, api_put_query, api_write_query, api_switch_body,
    api_back_body, api_networks_answer, api_user_recommend_query, api_user_query, api_session_recommend_body,
    api_forget_taste_body, api_events_query, api_events_body, api_events_answer, api_recommend_answer, api_report_query,
    api_report_answer, api_export_query, api_export_answer, api_erasure_answer, api_merge_body, api_next_body,
    api_an_action, api_scenario_body, api_scenario_query, api_scenario_answer, api_scenarios_query,
    api_scenarios_answer, api_scenario_versions_answer, api_scenario_put_answer, api_preview_body, api_preview_answer,
    api_over_query, api_over_answer;

#endif
