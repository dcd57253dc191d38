//! Classes of requests, by what they ask for.

use super::super::request::{Outgoing, origin_form};
use super::super::route::{Route, RouteClass};
use codecs::traffic::http::Version;
use std::borrow::Cow;

/// Endpoints that tell of the servers themselves: no two clusters answer the same.
const OF_SERVERS: [&str; 13] = [
    "_cat",
    "_cluster",
    "_disk_usage",
    "_license",
    "_nodes",
    "_recovery",
    "_search_shards",
    "_segments",
    "_shard_stores",
    "_stats",
    "_status",
    "_tasks",
    "root",
];

/// Answers of these have an id that a cluster made up.
const WITH_SERVER_ID: [&str; 3] = ["_async_search", "_pit", "_search/point_in_time"];

/// A class of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Its name: the endpoint, and whether it reads or writes where it may be either.
    pub(super) name: Cow<'static, str>,
    pub(super) is_read: bool,
    pub(super) is_bulk: bool,
    /// The whole answer is a document.
    pub(super) is_document: bool,
    pub(super) is_of_servers: bool,
    pub(super) has_server_id: bool,
}

impl Endpoint {
    /// Of a request that is not in the tuple, or is no HTTP.
    pub(super) const fn unknown() -> Self {
        Self {
            name: Cow::Borrowed("not known"),
            is_read: false,
            is_bulk: false,
            is_document: false,
            is_of_servers: false,
            has_server_id: false,
        }
    }

    pub(super) fn of(method: &str, target: &str) -> Self {
        let path = origin_form(target);
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let request = |method: &str| Outgoing {
            method: method.to_owned(),
            target: path.to_owned(),
            version: Version::Http11,
            headers: Default::default(),
            body: Default::default(),
            chunked: false,
            trailers: Default::default(),
        };
        let own = request(method);
        let (get, put) = (request("GET"), request("PUT"));
        let (route, get, put) = (Route::of(&own), Route::of(&get), Route::of(&put));
        let (endpoint, class) = (route.endpoint, route.class);
        let is_either = get.endpoint == put.endpoint && get.class != put.class;
        let name = if is_either {
            Cow::Owned(format!("{endpoint} {}", class.name()))
        } else {
            Cow::Borrowed(endpoint)
        };
        Self {
            name,
            is_read: class == RouteClass::Read,
            is_bulk: endpoint == "_bulk",
            is_document: endpoint == "_source",
            is_of_servers: OF_SERVERS.contains(&endpoint) && class != RouteClass::Write,
            has_server_id: WITH_SERVER_ID.contains(&endpoint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_named_by_their_endpoint_and_what_they_do_where_that_is_open() {
        for (method, target, name) in [
            ("POST", "/logs/_search?size=1", "_search"),
            ("GET", "/_msearch", "_msearch"),
            ("POST", "/_bulk", "_bulk"),
            ("PUT", "/logs/type/_bulk", "_bulk"),
            ("GET", "/logs/_doc/1", "_doc read"),
            ("HEAD", "/logs/_doc/1", "_doc read"),
            ("PUT", "/logs/_doc/1", "_doc write"),
            ("DELETE", "/logs/type/1", "_doc write"),
            ("POST", "/logs/_update/1", "_update"),
            ("PUT", "/logs", "index write"),
            ("GET", "http://source:9200/logs/_doc/1?x=1", "_doc read"),
        ] {
            assert_eq!(Endpoint::of(method, target).name, name, "{method} {target}");
        }
    }

    #[test]
    fn what_tells_of_the_servers_is_known() {
        for (target, expected) in
            [("/", true), ("/_cat/indices", true), ("/_cluster/health", true), ("/a/_count", false)]
        {
            assert_eq!(Endpoint::of("GET", target).is_of_servers, expected, "{target}");
        }
    }
}
