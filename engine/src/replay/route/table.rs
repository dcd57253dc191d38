//! The endpoints that paths name, and what requests to them do.

/// What a request to an endpoint does, as far as the endpoint says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing, whatever the method: a search is a search by `POST` too.
    Read,
    /// It writes, whatever the method.
    Write,
    /// It writes documents, indices, or what describes them, unless it is `GET` or `HEAD`.
    Changes,
    /// It changes the cluster, but no documents or indices, unless it is `GET` or `HEAD`.
    Administers,
}

/// Endpoints by name, sorted. With a slash: where the second word makes another endpoint of it.
const ENDPOINTS: [(&str, Effect); 94] = [
    ("_alias", Effect::Changes),
    ("_aliases", Effect::Changes),
    ("_analyze", Effect::Read),
    ("_async_search", Effect::Read),
    ("_block", Effect::Changes),
    ("_bulk", Effect::Write),
    ("_cache", Effect::Administers),
    ("_cat", Effect::Read),
    ("_clone", Effect::Write),
    ("_close", Effect::Write),
    ("_cluster", Effect::Administers),
    ("_component_template", Effect::Changes),
    ("_count", Effect::Read),
    ("_create", Effect::Write),
    ("_data_stream", Effect::Changes),
    ("_delete_by_query", Effect::Write),
    ("_disk_usage", Effect::Read),
    ("_doc", Effect::Changes),
    ("_eql", Effect::Read),
    ("_explain", Effect::Read),
    ("_field_caps", Effect::Read),
    ("_field_stats", Effect::Read),
    ("_flush", Effect::Write),
    ("_forcemerge", Effect::Write),
    ("_freeze", Effect::Write),
    ("_graph", Effect::Read),
    ("_ilm", Effect::Administers),
    ("_index_template", Effect::Changes),
    ("_index_template/_simulate", Effect::Read),
    ("_index_template/_simulate_index", Effect::Read),
    ("_ingest", Effect::Changes),
    ("_knn_search", Effect::Read),
    ("_license", Effect::Administers),
    ("_list", Effect::Read),
    ("_mapping", Effect::Changes),
    ("_mappings", Effect::Changes),
    ("_mget", Effect::Read),
    ("_ml", Effect::Administers),
    ("_mlt", Effect::Read),
    ("_mpercolate", Effect::Read),
    ("_msearch", Effect::Read),
    ("_msearch/template", Effect::Read),
    ("_mtermvectors", Effect::Read),
    ("_mvt", Effect::Read),
    ("_nodes", Effect::Administers),
    ("_open", Effect::Write),
    ("_opendistro/_ppl", Effect::Read),
    ("_opendistro/_sql", Effect::Read),
    ("_optimize", Effect::Write),
    ("_percolate", Effect::Read),
    ("_pit", Effect::Read),
    ("_plugins/_ppl", Effect::Read),
    ("_plugins/_sql", Effect::Read),
    ("_query", Effect::Read),
    ("_rank_eval", Effect::Read),
    ("_recovery", Effect::Read),
    ("_refresh", Effect::Write),
    ("_reindex", Effect::Write),
    ("_render", Effect::Read),
    ("_resolve", Effect::Read),
    ("_rollover", Effect::Write),
    ("_scripts", Effect::Changes),
    ("_search", Effect::Read),
    ("_search/exists", Effect::Read),
    ("_search/point_in_time", Effect::Read),
    ("_search/scroll", Effect::Read),
    ("_search/template", Effect::Read),
    ("_search_shards", Effect::Read),
    ("_segments", Effect::Read),
    ("_settings", Effect::Changes),
    ("_shard_stores", Effect::Read),
    ("_shrink", Effect::Write),
    ("_snapshot", Effect::Administers),
    ("_source", Effect::Read),
    ("_split", Effect::Write),
    ("_sql", Effect::Read),
    ("_stats", Effect::Read),
    ("_status", Effect::Read),
    ("_suggest", Effect::Read),
    ("_tasks", Effect::Administers),
    ("_template", Effect::Changes),
    ("_terms_enum", Effect::Read),
    ("_termvector", Effect::Read),
    ("_termvectors", Effect::Read),
    ("_unfreeze", Effect::Write),
    ("_update", Effect::Write),
    ("_update_by_query", Effect::Write),
    ("_validate", Effect::Read),
    ("_warmer", Effect::Changes),
    ("_xpack/sql", Effect::Read),
    ("index", Effect::Changes),
    ("other", Effect::Administers),
    ("root", Effect::Administers),
    ("type", Effect::Changes),
];

/// What stands after an index and a type, in Elasticsearch before 8, where an id would.
const AFTER_TYPE: [&str; 20] = [
    "_bulk",
    "_count",
    "_delete_by_query",
    "_mapping",
    "_mappings",
    "_mget",
    "_msearch",
    "_mtermvectors",
    "_percolate",
    "_query",
    "_rank_eval",
    "_search",
    "_search_shards",
    "_suggest",
    "_termvector",
    "_termvectors",
    "_update_by_query",
    "_validate",
    "_warmer",
    "_field_caps",
];

/// What stands after an index, a type and an id.
const AFTER_ID: [&str; 8] =
    ["_create", "_explain", "_mlt", "_percolate", "_source", "_termvector", "_termvectors", "_update"];

/// An endpoint by its name.
pub(super) fn endpoint(name: &str) -> Option<(&'static str, Effect)> {
    let found = ENDPOINTS.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    ENDPOINTS.get(found).copied()
}

/// An endpoint by two words, where they are one together.
pub(super) fn endpoint_of_two(first: &str, second: &str) -> Option<(&'static str, Effect)> {
    let is_name = |known: &str| {
        known.strip_prefix(first).and_then(|rest| rest.strip_prefix('/')).is_some_and(|rest| rest == second)
    };
    let start = ENDPOINTS.partition_point(|(known, _)| *known <= first);
    let near = ENDPOINTS.get(start..).unwrap_or_default().iter();
    near.take_while(|(known, _)| known.starts_with(first)).find(|(known, _)| is_name(known)).copied()
}

pub(super) fn is_after_type(name: &str) -> bool {
    AFTER_TYPE.contains(&name)
}

pub(super) fn is_after_id(name: &str) -> bool {
    AFTER_ID.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found() {
        assert!(ENDPOINTS.is_sorted_by(|a, b| a.0 < b.0));
        for (name, effect) in ENDPOINTS {
            assert_eq!(endpoint(name), Some((name, effect)));
        }
        for name in AFTER_TYPE.iter().chain(&AFTER_ID) {
            assert!(endpoint(name).is_some(), "{name}");
        }
        assert_eq!(endpoint_of_two("_search", "scroll"), Some(("_search/scroll", Effect::Read)));
        assert_eq!(endpoint_of_two("_plugins", "_sql"), Some(("_plugins/_sql", Effect::Read)));
        assert_eq!(endpoint_of_two("_plugins", "_ism"), None);
        assert_eq!(endpoint("_plugins"), None);
    }
}
