use super::super::route::tests::request;
use super::super::transform::{RequestTransforms, TransformStatus};

/// What comes of a request that is written as `METHOD target body`.
fn after(types: &str, line: &str) -> String {
    let transforms = RequestTransforms::from_text("t.yaml", &format!("- types: {types}")).unwrap();
    let mut words = line.splitn(3, ' ');
    let [method, target, body] = std::array::from_fn(|_| words.next().unwrap_or_default());
    let transformed = transforms.apply(request(method, target, &body.replace('␤', "\n")));
    let new = transformed.request;
    match transformed.status {
        TransformStatus::Unchanged => "unchanged".to_owned(),
        TransformStatus::Dropped { .. } => "dropped".to_owned(),
        TransformStatus::Failed(failure) => format!("failed: {}", failure.reason),
        TransformStatus::Transformed => {
            let body = String::from_utf8_lossy(&new.body).replace('\n', "␤");
            let dropped = match transformed.dropped_items.as_slice() {
                [] => String::new(),
                items => format!(" without {items:?}"),
            };
            format!("{} {} {body}", new.method, new.target).trim_end().to_owned() + &dropped
        }
    }
}

fn check(types: &str, table: &[(&str, &str)]) {
    for (line, expected) in table {
        assert_eq!(after(types, line), *expected, "{line}");
    }
}

const UNITED: &str = "{source_properties: {version: {major: 6, minor: 8}}}";
const LISTED: &str = "{static_mappings: {shop: {item: items, user: users}, one: {thing: things}, gone: {}}}";

#[test]
fn defect_17_updates_templates_snapshots_and_cat_stay_as_they_are() {
    let untouched = [
        "POST /i/_update/1 {\"doc\":{}}",
        "POST /i/_search/template {}",
        "POST /_search/template {}",
        "PUT /_snapshot/repo/snap {}",
        "GET /_cat/indices?v",
        "PUT /i/_doc/1 {}",
        "POST /i/_doc {}",
        "PUT /i/_create/1 {}",
        "PUT /_ingest/pipeline/p {}",
        "PUT /_cluster/settings {}",
        "POST /_bulk {\"index\":{\"_index\":\"i\",\"_id\":\"1\"}}␤{}␤",
        "POST /i/_bulk {\"index\":{}}␤{\"_type\":\"t\"}␤",
        "POST /i/_search {\"query\":{\"type\":{\"value\":\"t\"}}}",
        "POST /_msearch {\"index\":\"i\"}␤{\"size\":0}␤{}␤{}␤",
        "POST /i/_mget {\"ids\":[\"1\"]}",
        "PUT /i {\"mappings\":{\"properties\":{\"a\":{\"type\":\"long\"}}}}",
        "PUT /i/_mapping {\"properties\":{}}",
        "GET /",
        "HEAD /i",
    ];
    for line in untouched {
        assert_eq!(after(UNITED, line), "unchanged", "{line}");
    }
}

#[test]
fn defect_17_documents_with_a_type_keep_what_is_done_with_them() {
    check(
        UNITED,
        &[
            ("PUT /i/t/1?refresh=true {}", "PUT /i/_doc/1?refresh=true {}"),
            ("PUT /i/t/a%2Fb {}", "PUT /i/_doc/a%2Fb {}"),
            ("POST /i/t {}", "POST /i/_doc {}"),
            ("POST /i/t/1/_update?retry_on_conflict=3 {}", "POST /i/_update/1?retry_on_conflict=3 {}"),
            ("POST /i/_doc/1/_update {}", "POST /i/_update/1 {}"),
            ("PUT /i/t/1/_create {}", "PUT /i/_create/1 {}"),
            ("GET /i/t/1", "GET /i/_doc/1"),
            ("HEAD /i/t/1", "HEAD /i/_doc/1"),
            ("DELETE /i/t/1?routing=r", "DELETE /i/_doc/1?routing=r"),
            ("GET /i/t/1/_source", "GET /i/_source/1"),
            ("POST /i/t/1/_explain {}", "POST /i/_explain/1 {}"),
            ("GET /i/t/1/_termvector", "GET /i/_termvectors/1"),
            ("GET /i/t/_abc", "GET /i/_doc/_abc"),
            ("PUT /i/t/1?parent=p&version=2 {}", "PUT /i/_doc/1?version=2&routing=p {}"),
            ("PUT /i/t/1?parent=p&routing=r {}", "PUT /i/_doc/1?routing=r {}"),
            ("HEAD /i/t", "HEAD /i"),
        ],
    );
}

#[test]
fn defect_17_searches_with_a_type_are_searches() {
    check(
        UNITED,
        &[
            ("GET /activity/post/_search?q=a", "GET /activity/_search?q=a"),
            ("POST /i/a,b/_search {}", "POST /i/_search {}"),
            ("POST /i,j-*/t/_count {}", "POST /i,j-*/_count {}"),
            ("GET /i/_doc/_search", "GET /i/_search"),
            ("POST /i/t/_search/template {}", "POST /i/_search/template {}"),
            ("GET /i/t/_validate/query?q=a", "GET /i/_validate/query?q=a"),
            ("POST /i/t/_delete_by_query {}", "POST /i/_delete_by_query {}"),
            ("POST /i/t/_update_by_query {}", "POST /i/_update_by_query {}"),
            ("DELETE /i/t/_query {\"query\":{}}", "POST /i/_delete_by_query {\"query\":{}}"),
            ("DELETE /i/_query?q=a:b", "POST /i/_delete_by_query?q=a:b"),
            (
                "POST /i/t/_msearch {}␤{\"size\":1}␤{\"index\":\"j\",\"type\":\"u\"}␤{}␤",
                "POST /i/_msearch {}␤{\"size\":1}␤{\"index\":\"j\"}␤{}␤",
            ),
            ("POST /_msearch {\"type\":[\"a\",\"b\"]}␤{}␤", "POST /_msearch {}␤{}␤"),
        ],
    );
}

#[test]
fn documents_that_are_looked_up_have_no_type() {
    check(
        UNITED,
        &[
            ("POST /i/t/_mget {\"ids\":[\"1\"]}", "POST /i/_mget {\"ids\":[\"1\"]}"),
            (
                "POST /_mget {\"docs\":[{\"_index\":\"i\",\"_type\":\"t\",\"_id\":\"1\"},{\"_index\":\"i\",\"_id\":2}]}",
                "POST /_mget {\"docs\":[{\"_index\":\"i\",\"_id\":\"1\"},{\"_index\":\"i\",\"_id\":2}]}",
            ),
            (
                "POST /i/_mget {\"docs\":[{\"_id\":\"1\",\"_type\":\"t\",\"_routing\":\"r\"}]}",
                "POST /i/_mget {\"docs\":[{\"_id\":\"1\",\"routing\":\"r\"}]}",
            ),
        ],
    );
}

#[test]
fn action_lines_have_no_type_and_their_documents_stay() {
    check(
        UNITED,
        &[
            (
                "POST /_bulk {\"index\":{\"_index\":\"i\",\"_type\":\"t\",\"_id\":\"1\"}}␤{ \"a\" : 1.0 }␤{\"delete\":{\"_index\":\"i\",\"_type\":\"t\",\"_id\":\"2\"}}␤",
                "POST /_bulk {\"index\":{\"_index\":\"i\",\"_id\":\"1\"}}␤{ \"a\" : 1.0 }␤{\"delete\":{\"_index\":\"i\",\"_id\":\"2\"}}␤",
            ),
            ("POST /i/t/_bulk {\"create\":{}}␤{}␤", "POST /i/_bulk {\"create\":{}}␤{}␤"),
            (
                "PUT /i/t/_bulk {\"update\":{\"_id\":\"1\",\"_type\":\"u\",\"_retry_on_conflict\":3}}␤{\"doc\":{}}␤",
                "PUT /i/_bulk {\"update\":{\"_id\":\"1\",\"retry_on_conflict\":3}}␤{\"doc\":{}}␤",
            ),
            (
                "POST /_bulk {\"index\":{\"_index\":\"i\",\"_type\":\"t\",\"_id\":\"1\",\"_parent\":\"p\",\"_ttl\":\"1d\"}}␤{}␤",
                "POST /_bulk {\"index\":{\"_index\":\"i\",\"_id\":\"1\",\"routing\":\"p\"}}␤{}␤",
            ),
            (
                "POST /_bulk {\"index\":{\"_index\":\"i\",\"_type\":\"t\",\"_id\":\"1\",\"parent\":\"p\",\"_routing\":\"r\"}}␤{}␤",
                "POST /_bulk {\"index\":{\"_index\":\"i\",\"_id\":\"1\",\"routing\":\"r\"}}␤{}␤",
            ),
            (
                "POST /_bulk {\"upsert\":{}}␤",
                "failed: not a bulk request: operation 0: expected `index`, `create`, `update` or `delete`, found \"upsert\"",
            ),
        ],
    );
}

#[test]
fn listed_types_go_to_their_indices_and_others_are_dropped() {
    check(
        LISTED,
        &[
            ("PUT /shop/item/1 {}", "PUT /items/_doc/1 {}"),
            ("POST /shop/user/1/_update {}", "POST /users/_update/1 {}"),
            ("PUT /shop/order/1 {}", "dropped"),
            ("GET /gone/t/1", "dropped"),
            ("PUT /other/t/1 {}", "PUT /other/_doc/1 {}"),
            ("GET /shop/item,user/_search", "GET /items,users/_search"),
            ("GET /shop/_search", "GET /items,users/_search"),
            ("GET /shop,other/item/_search", "GET /items,other/_search"),
            ("GET /shop/order/_search", "dropped"),
            ("GET /s*/item/_search", "GET /items,s*/_search"),
            ("POST /one/_doc/1/_update {}", "POST /things/_update/1 {}"),
            ("PUT /one/_doc/1 {}", "PUT /things/_doc/1 {}"),
            ("POST /shop/_refresh", "POST /items,users/_refresh"),
            ("DELETE /shop", "DELETE /items,users"),
        ],
    );
}

#[test]
fn items_that_are_dropped_are_known_by_their_positions() {
    check(
        LISTED,
        &[
            (
                "POST /_bulk {\"index\":{\"_index\":\"shop\",\"_type\":\"order\",\"_id\":\"1\"}}␤{}␤{\"index\":{\"_index\":\"shop\",\"_type\":\"item\",\"_id\":\"2\"}}␤{}␤{\"delete\":{\"_index\":\"gone\",\"_type\":\"t\",\"_id\":\"3\"}}␤",
                "POST /_bulk {\"index\":{\"_index\":\"items\",\"_id\":\"2\"}}␤{}␤ without [0, 2]",
            ),
            (
                "POST /shop/item/_bulk {\"index\":{\"_id\":\"1\"}}␤{}␤{\"index\":{\"_id\":\"2\",\"_type\":\"user\"}}␤{}␤",
                "POST /items/_bulk {\"index\":{\"_id\":\"1\"}}␤{}␤{\"index\":{\"_index\":\"users\",\"_id\":\"2\"}}␤{}␤",
            ),
            (
                "POST /shop/_bulk {\"index\":{\"_id\":\"1\",\"_type\":\"item\"}}␤{}␤",
                "POST /_bulk {\"index\":{\"_index\":\"items\",\"_id\":\"1\"}}␤{}␤",
            ),
            ("POST /shop/order/_bulk {\"index\":{\"_id\":\"1\"}}␤{}␤", "dropped"),
            (
                "POST /_mget {\"docs\":[{\"_index\":\"gone\",\"_id\":\"1\"},{\"_index\":\"shop\",\"_type\":\"user\",\"_id\":\"2\"}]}",
                "POST /_mget {\"docs\":[{\"_index\":\"users\",\"_id\":\"2\"}]} without [0]",
            ),
            (
                "POST /_msearch {\"index\":\"shop\",\"type\":\"order\"}␤{}␤{\"index\":[\"shop\",\"one\"]}␤{}␤",
                "POST /_msearch {\"index\":[\"items\",\"users\",\"things\"]}␤{}␤ without [0]",
            ),
        ],
    );
}

#[test]
fn patterns_name_the_index_by_index_and_type() {
    let types = "{regexMappings: [{sourceIndexPattern: 'metrics-(.+)', sourceTypePattern: '(cpu|memory)', targetIndexPattern: '$2-$1'}, \
                 {sourceIndexPattern: '(.+)', sourceTypePattern: '_doc', targetIndexPattern: '$1'}], \
                 sourceProperties: {version: {major: '5', minor: 6}}}";
    check(
        types,
        &[
            ("PUT /metrics-2024/cpu/1 {}", "PUT /cpu-2024/_doc/1 {}"),
            ("GET /metrics-2024/cpu,memory/_search", "GET /cpu-2024,memory-2024/_search"),
            ("PUT /metrics-2024/disk/1 {}", "dropped"),
            ("GET /news/_search", "unchanged"),
            ("GET /metrics-2024/_search", "unchanged"),
        ],
    );
}

#[test]
fn a_new_index_has_one_mapping_of_all_its_types() {
    check(
        UNITED,
        &[
            (
                "PUT /i?include_type_name=true&wait_for_active_shards=1 {\"settings\":{\"number_of_shards\":1},\"mappings\":{\"t\":{\"properties\":{\"a\":{\"type\":\"long\"}}}}}",
                "PUT /i?wait_for_active_shards=1 {\"settings\":{\"number_of_shards\":1},\"mappings\":{\"properties\":{\"a\":{\"type\":\"long\"}}}}",
            ),
            (
                "PUT /i {\"mappings\":{\"_default_\":{\"_all\":{\"enabled\":false}},\"a\":{\"_all\":{\"enabled\":false},\"dynamic\":\"strict\",\"properties\":{\"x\":{\"type\":\"long\"},\"o\":{\"properties\":{\"p\":{\"type\":\"text\"}}}}},\"b\":{\"_parent\":{\"type\":\"a\"},\"properties\":{\"x\":{\"type\":\"long\"},\"o\":{\"properties\":{\"q\":{\"type\":\"date\"}}}}}}}",
                "PUT /i {\"mappings\":{\"dynamic\":\"strict\",\"properties\":{\"x\":{\"type\":\"long\"},\"o\":{\"properties\":{\"p\":{\"type\":\"text\"},\"q\":{\"type\":\"date\"}}}}}}",
            ),
            (
                "PUT /i {\"mappings\":{\"a\":{\"properties\":{\"x\":{\"type\":\"long\"}}},\"b\":{\"properties\":{\"x\":{\"type\":\"date\"}}}}}",
                "failed: two types of the new index say different things of `properties.x` in their mappings",
            ),
            ("PUT /i {\"mappings\":{\"t\":{}}}", "PUT /i {\"mappings\":{}}"),
            ("PUT /i {\"mappings\":{\"_default_\":{\"dynamic\":false}}}", "PUT /i {\"mappings\":{}}"),
            (
                "PUT /_template/x {\"index_patterns\":[\"i-*\"],\"mappings\":{\"_doc\":{\"properties\":{\"a\":{\"type\":\"long\"}}}}}",
                "PUT /_template/x {\"index_patterns\":[\"i-*\"],\"mappings\":{\"properties\":{\"a\":{\"type\":\"long\"}}}}",
            ),
        ],
    );
    let of_seven = "{source_properties: {version: {major: 7, minor: 10}}}";
    let body = "{\"mappings\":{\"t\":{\"properties\":{}}}}";
    check(
        of_seven,
        &[
            (&format!("PUT /i {body}"), "unchanged"), // the source refused it: so will the target
            (&format!("PUT /i?include_type_name=true {body}"), "PUT /i {\"mappings\":{\"properties\":{}}}"),
            ("PUT /i?include_type_name=false {\"mappings\":{}}", "PUT /i {\"mappings\":{}}"),
        ],
    );
}

#[test]
fn a_new_index_is_that_of_its_types() {
    check(
        LISTED,
        &[
            ("PUT /one {\"mappings\":{\"thing\":{}}}", "PUT /things {\"mappings\":{}}"),
            ("PUT /one", "PUT /things"),
            ("PUT /gone {\"mappings\":{\"t\":{}}}", "dropped"),
            (
                "PUT /shop {\"mappings\":{\"item\":{},\"user\":{}}}",
                "failed: the types of the new index `shop` go to `items` and to `users`: create these indices before the replay",
            ),
        ],
    );
}

#[test]
fn a_mapping_by_itself_has_no_type() {
    let expected = "PUT /i/_mapping {\"properties\":{\"a\":{\"type\":\"long\"}}}";
    for line in [
        "PUT /i/_mapping/t {\"t\":{\"properties\":{\"a\":{\"type\":\"long\"}}}}",
        "PUT /i/t/_mapping {\"t\":{\"properties\":{\"a\":{\"type\":\"long\"}}}}",
        "PUT /i/_mapping/t {\"properties\":{\"a\":{\"type\":\"long\"}}}",
        "PUT /i/_mapping/t {\"_all\":{\"enabled\":true},\"properties\":{\"a\":{\"type\":\"long\"}}}",
        "PUT /i/_mapping?include_type_name=true {\"t\":{\"properties\":{\"a\":{\"type\":\"long\"}}}}",
    ] {
        assert_eq!(after(UNITED, line), expected, "{line}");
    }
    check(
        UNITED,
        &[
            ("GET /i/_mapping/t", "GET /i/_mapping"),
            ("PUT /_mapping/t {\"t\":{}}", "PUT /_all/_mapping {}"),
            ("GET /i/_mapping/t/field/f", "GET /i/_mapping/field/f"),
        ],
    );
}

#[test]
fn a_type_is_not_deleted_together_with_others() {
    let old = "{source_properties: {version: {major: 5, minor: 6}}}";
    let united = "it changes documents of one type of `i`, but the index that it would go to may have those of other types as well";
    assert_eq!(after(old, "POST /i/t/_delete_by_query {}"), format!("failed: {united}"));
    let unknown = after("{}", "DELETE /i/t/_query {}");
    assert_eq!(
        unknown,
        format!(
            "failed: {united}: say the version of the source in `source_properties`; since 6, an index has one type"
        )
    );
    let deletion = "it deletes the type `t` with its documents, which later versions cannot do";
    for types in [UNITED, old, LISTED] {
        assert_eq!(after(types, "DELETE /i/t"), format!("failed: {deletion}")); // never the index
        assert_eq!(after(types, "DELETE /i/_mapping/t"), format!("failed: {deletion}"));
    }
    let listed = "{static_mappings: {i: {a: both, b: both, c: own}}}";
    check(
        listed,
        &[
            (
                "POST /i/a/_delete_by_query {}",
                "failed: it changes documents of one type of `i`, but the index that it would go to has those of the type `b` as well",
            ),
            ("POST /i/a,b/_delete_by_query {}", "POST /both/_delete_by_query {}"),
            ("POST /i/c/_update_by_query {}", "POST /own/_update_by_query {}"),
        ],
    );
}

#[test]
fn indices_in_bodies_are_mapped() {
    check(
        LISTED,
        &[
            (
                "POST /_aliases {\"actions\":[{\"add\":{\"index\":\"shop\",\"alias\":\"a\"}},{\"remove\":{\"index\":\"x\",\"alias\":\"b\"}}]}",
                "POST /_aliases {\"actions\":[{\"add\":{\"indices\":[\"items\",\"users\"],\"alias\":\"a\"}},{\"remove\":{\"index\":\"x\",\"alias\":\"b\"}}]}",
            ),
            (
                "POST /_reindex {\"source\":{\"index\":\"shop\",\"type\":\"item\"},\"dest\":{\"index\":\"new\",\"type\":\"t\"}}",
                "POST /_reindex {\"source\":{\"index\":\"items\"},\"dest\":{\"index\":\"new\"}}",
            ),
        ],
    );
}

#[test]
fn a_name_that_no_index_can_have_is_a_failure() {
    let found = after("{static_mappings: {i: {t: Bad}}}", "PUT /i/t/1 {}");
    assert_eq!(found, "failed: `Bad` cannot be the name of an index: capital letters are not allowed in it");
}

#[test]
fn compressed_bodies_are_rewritten_and_compressed_again() {
    let transforms = RequestTransforms::from_text("t.yaml", "- types: {}").unwrap();
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let mut old = request("POST", "/_bulk", "{\"index\":{\"_index\":\"i\",\"_type\":\"t\"}}\n{}\n");
        old.body = super::super::coding::encode(coding, old.body).unwrap();
        old.headers.set("Content-Encoding", coding);
        let new = transforms.apply(old).request;
        assert_eq!(new.headers.text("content-encoding"), Some(coding));
        let body = super::super::coding::decoded(&new.headers, &new.body).unwrap();
        assert_eq!(body, "{\"index\":{\"_index\":\"i\"}}\n{}\n", "{coding}");
    }
}

#[test]
fn a_renamed_index_is_renamed_wherever_it_is_named() {
    let transforms =
        RequestTransforms::from_text("t.yaml", "- rename_index: {regex: 'old-(.*)', to: 'new-$1'}").unwrap();
    let table = [
        ("PUT /old-a/_doc/1", "{}", "/new-a/_doc/1", "{}"),
        ("PUT /old-a/t/1", "{}", "/new-a/t/1", "{}"),
        ("GET /old-a,b,old-*/_search?q=old-a", "", "/new-a,b,old-*/_search?q=old-a", ""),
        (
            "POST /_bulk",
            "{\"index\":{\"_index\":\"old-a\",\"_type\":\"t\"}}\n{\"a\":\"old-a\"}\n",
            "/_bulk",
            "{\"index\":{\"_index\":\"new-a\",\"_type\":\"t\"}}\n{\"a\":\"old-a\"}\n",
        ),
        ("POST /old-a/_bulk", "{\"index\":{}}\n{}\n", "/new-a/_bulk", "{\"index\":{}}\n{}\n"),
        (
            "POST /old-a/_msearch",
            "{\"index\":\"old-b\"}\n{}\n{}\n{}\n",
            "/new-a/_msearch",
            "{\"index\":\"new-b\"}\n{}\n{}\n{}\n",
        ),
        (
            "POST /_mget",
            "{\"docs\":[{\"_index\":\"old-a\"}]}",
            "/_mget",
            "{\"docs\":[{\"_index\":\"new-a\"}]}",
        ),
        ("DELETE /old-a", "", "/new-a", ""),
    ];
    for (line, body, target, expected) in table {
        let (method, old) = line.split_once(' ').unwrap();
        let new = transforms.apply(request(method, old, body)).request;
        assert_eq!(
            (new.target.as_str(), String::from_utf8_lossy(&new.body).as_ref()),
            (target, expected),
            "{line}"
        );
    }
}
