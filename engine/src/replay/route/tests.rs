use super::*;
use bytes::Bytes;

pub(in crate::replay) fn request(method: &str, target: &str, body: &str) -> Outgoing {
    let message = format!("{method} {target} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    Outgoing::parse(&Bytes::from(message)).unwrap()
}

/// `class endpoint index,… type,… id`, with `-` for what is not there.
fn shown(method: &str, target: &str) -> String {
    let request = request(method, target, "");
    let route = Route::of(&request);
    let list = |names: &[Cow<'_, str>]| if names.is_empty() { "-".to_owned() } else { names.join(",") };
    let id = route.id.as_deref().unwrap_or("-");
    format!("{} {} {} {} {id}", route.class.name(), route.endpoint, list(&route.indices), list(&route.types))
}

fn check(table: &[(&str, &str)]) {
    for (line, expected) in table {
        let (method, target) = line.split_once(' ').unwrap();
        assert_eq!(shown(method, target), *expected, "{line}");
    }
}

#[test]
fn documents_are_named_as_since_elasticsearch_7() {
    check(&[
        ("PUT /i/_doc/1?refresh=true", "write _doc i - 1"),
        ("POST /i/_doc", "write _doc i - -"),
        ("POST /i/_doc/", "write _doc i - -"),
        ("GET /i/_doc/1", "read _doc i - 1"),
        ("HEAD /i/_doc/a%2Fb%20c", "read _doc i - a/b c"),
        ("DELETE /i/_doc/_search", "write _doc i - _search"),
        ("PUT /i/_create/1", "write _create i - 1"),
        ("POST /i/_update/1", "write _update i - 1"),
        ("GET /i/_source/1", "read _source i - 1"),
        ("POST /i/_explain/1", "read _explain i - 1"),
        ("POST /i/_termvectors/1", "read _termvectors i - 1"),
        ("POST /i/_termvectors", "read _termvectors i - -"),
    ]);
}

#[test]
fn documents_are_named_with_types_as_before_elasticsearch_8() {
    check(&[
        ("PUT /i/t/1", "write _doc i t 1"),
        ("POST /i/t", "write _doc i t -"),
        ("HEAD /i/t", "read type i t -"),
        ("GET /i/t/_abc", "read _doc i t _abc"),
        ("DELETE /i/t/1?routing=r", "write _doc i t 1"),
        ("PUT /i/t/1/_create", "write _create i t 1"),
        ("POST /i/t/1/_update", "write _update i t 1"),
        ("POST /i/_doc/1/_update", "write _update i _doc 1"),
        ("GET /i/t/1/_source", "read _source i t 1"),
        ("POST /i/t/1/_explain", "read _explain i t 1"),
        ("GET /i/_doc/_search", "read _search i _doc -"),
        ("POST /i/a,b/_search", "read _search i a,b -"),
        ("POST /i/t/_search/template", "read _search/template i t -"),
        ("POST /i/t/_bulk", "write _bulk i t -"),
        ("POST /i/t/_mget", "read _mget i t -"),
        ("POST /i/t/_msearch", "read _msearch i t -"),
        ("POST /i/t/_count", "read _count i t -"),
        ("POST /i/t/_delete_by_query", "write _delete_by_query i t -"),
        ("DELETE /i/t/_query", "write _query i t -"),
        ("PUT /i/t/_mapping", "write _mapping i t -"),
        ("PUT /i/_doc/_mapping", "write _mapping i _doc -"),
        ("PUT /i/_mapping/t", "write _mapping i t -"),
        ("PUT /_mapping/t", "write _mapping - t -"),
        ("GET /i/_mapping/field/f", "read _mapping i - -"),
        ("GET /i/t/_validate/query", "read _validate i t -"),
    ]);
}

#[test]
fn searches_are_reads_by_whatever_method() {
    check(&[
        ("POST /_search", "read _search - - -"),
        ("GET /i/_search", "read _search i - -"),
        ("POST /i/_search/template", "read _search/template i - -"),
        ("POST /_search/scroll", "read _search/scroll - - -"),
        ("DELETE /_search/scroll/DXF1", "read _search/scroll - - -"),
        ("POST /i/_search/point_in_time?keep_alive=1m", "read _search/point_in_time i - -"),
        ("POST /i/_pit", "read _pit i - -"),
        ("POST /_msearch", "read _msearch - - -"),
        ("POST /_msearch/template", "read _msearch/template - - -"),
        ("POST /i/_count", "read _count i - -"),
        ("POST /_mget", "read _mget - - -"),
        ("POST /i/_field_caps", "read _field_caps i - -"),
        ("POST /i/_validate/query", "read _validate i - -"),
        ("POST /_analyze", "read _analyze - - -"),
        ("POST /_sql?format=json", "read _sql - - -"),
        ("POST /_plugins/_sql", "read _plugins/_sql - - -"),
        ("POST /_xpack/sql", "read _xpack/sql - - -"),
        ("POST /_query", "read _query - - -"),
        ("POST /_ingest/pipeline/_simulate", "read _ingest - - -"),
        ("POST /_scripts/painless/_execute", "read _scripts - - -"),
    ]);
}

#[test]
fn what_changes_documents_or_indices_is_a_write() {
    check(&[
        ("POST /_bulk?refresh=true", "write _bulk - - -"),
        ("PUT /i/_bulk", "write _bulk i - -"),
        ("POST /i/_delete_by_query", "write _delete_by_query i - -"),
        ("POST /i/_update_by_query", "write _update_by_query i - -"),
        ("POST /_reindex", "write _reindex - - -"),
        ("PUT /i", "write index i - -"),
        ("DELETE /a,b-*", "write index a,b-* - -"),
        ("GET /i", "read index i - -"),
        ("POST /_aliases", "write _aliases - - -"),
        ("PUT /i/_alias/a", "write _alias i - -"),
        ("PUT /_template/t", "write _template - - -"),
        ("PUT /_index_template/t", "write _index_template - - -"),
        ("POST /_index_template/_simulate/t", "read _index_template/_simulate - - -"),
        ("PUT /i/_settings", "write _settings i - -"),
        ("GET /i/_settings", "read _settings i - -"),
        ("PUT /i/_mappings", "write _mapping i - -"),
        ("POST /i/_refresh", "write _refresh i - -"),
        ("GET /_refresh", "write _refresh - - -"),
        ("POST /_flush/synced", "write _flush - - -"),
        ("POST /i/_forcemerge", "write _forcemerge i - -"),
        ("POST /a/_rollover/b", "write _rollover a - -"),
    ]);
}

#[test]
fn what_changes_the_cluster_only_is_neither() {
    check(&[
        ("GET /", "read root - - -"),
        ("HEAD /", "read root - - -"),
        ("OPTIONS *", "other index * - -"),
        ("GET /_cat/indices?v", "read _cat - - -"),
        ("GET /_cluster/health", "read _cluster - - -"),
        ("PUT /_cluster/settings", "other _cluster - - -"),
        ("PUT /_snapshot/repo/snap", "other _snapshot - - -"),
        ("POST /_tasks/x:1/_cancel", "other _tasks - - -"),
        ("PUT /_plugins/_ism/policies/p", "other other - - -"),
        ("POST /i/_never_heard_of", "other other i - -"),
    ]);
}

#[test]
fn indices_are_decoded_lists_patterns_and_date_math() {
    check(&[
        ("GET /a,b%2Cc/_search", "read _search a,b,c - -"),
        ("GET /logs-*,-logs-1/_search", "read _search logs-*,-logs-1 - -"),
        ("GET /_all/_search", "read _search _all - -"),
        ("GET /%3Clogs-%7Bnow%2Fd%7D%3E/_search", "read _search <logs-{now/d}> - -"),
        ("PUT //i///_doc//1", "write _doc i - 1"),
        ("PUT /i/%5Fdoc/1", "write _doc i - 1"),
    ]);
}

fn keys(method: &str, target: &str, body: &str) -> Keys {
    let request = request(method, target, body);
    document_keys(&request, &Route::of(&request))
}

fn of(documents: &[(&str, &str)]) -> Keys {
    let mut documents: Vec<_> = documents.iter().map(|(index, id)| DocumentKey::new(index, id)).collect();
    documents.sort_unstable();
    Keys { documents, is_barrier: false }
}

#[test]
fn the_key_of_a_document_is_the_same_however_it_is_named() {
    let expected = of(&[("i", "1")]);
    for (method, target) in [
        ("PUT", "/i/_doc/1"),
        ("GET", "/i/_doc/1"),
        ("DELETE", "/i/t/1"),
        ("POST", "/i/_update/1"),
        ("POST", "/i/t/1/_update"),
        ("PUT", "/i/_create/%31"),
    ] {
        assert_eq!(keys(method, target, "{}"), expected, "{method} {target}");
    }
    let bulk =
        "{\"index\":{\"_id\":\"1\"}}\n{}\n{\"delete\":{\"_id\":1,\"_type\":\"t\"}}\n{\"create\":{}}\n{}\n";
    assert_eq!(keys("POST", "/i/_bulk", bulk), expected);
    assert_ne!(expected, of(&[("i1", "")]));
}

#[test]
fn a_bulk_request_has_the_keys_of_all_its_items_in_order() {
    let body =
        "{\"update\":{\"_index\":\"b\",\"_id\":\"2\"}}\n{\"doc\":{}}\n{\"index\":{\"_id\":\"1\"}}\n{}\n";
    let found = keys("POST", "/a/_bulk", body);
    assert_eq!(found, of(&[("b", "2"), ("a", "1")]));
    assert!(found.documents.is_sorted());
}

#[test]
fn the_items_of_a_compressed_bulk_request_are_found() {
    let mut request = request("POST", "/_bulk", "{\"delete\":{\"_index\":\"i\",\"_id\":\"1\"}}\n");
    request.body = crate::replay::coding::encode("gzip", request.body).unwrap();
    request.headers.set("Content-Encoding", "gzip");
    assert_eq!(document_keys(&request, &Route::of(&request)), of(&[("i", "1")]));
}

#[test]
fn writes_to_what_is_not_named_are_barriers_and_reads_are_not() {
    for (method, target, body, is_barrier) in [
        ("POST", "/i/_delete_by_query", "{}", true),
        ("PUT", "/i", "", true),
        ("POST", "/_aliases", "{}", true),
        ("POST", "/i/_refresh", "", true),
        ("POST", "/_bulk", "garbage\n", true),
        ("POST", "/i/_doc", "{}", false),
        ("POST", "/i/_search", "{}", false),
        ("POST", "/_mget", "{\"docs\":[{\"_index\":\"i\",\"_id\":\"1\"}]}", false),
        ("PUT", "/_cluster/settings", "{}", false),
    ] {
        assert_eq!(keys(method, target, body), Keys { is_barrier, ..Keys::default() }, "{method} {target}");
    }
}
