//! The indices that bodies name.

use super::super::coding;
use super::super::request::Outgoing;
use super::super::route::Route;
use super::super::sanitise::{mget_indices, msearch_indices};
use codecs::bulk::items;

/// The index of each operation of a bulk request, of each document of `_mget`, of each search of `_msearch` (a name for each of its
/// indices); `None` for other requests, and for bodies that cannot be read.
pub(super) fn of_items(request: &Outgoing, route: &Route<'_>) -> Option<Vec<Option<String>>> {
    if !matches!(route.endpoint, "_bulk" | "_mget" | "_msearch" | "_msearch/template") {
        return None;
    }
    let body = coding::decoded(&request.headers, &request.body).ok()?;
    let of_path = || route.indices.iter().map(|index| Some(index.clone().into_owned()));
    let or_path = |own: Vec<String>| match own.is_empty() {
        true if route.indices.is_empty() => vec![None],
        true => of_path().collect(),
        false => own.into_iter().map(Some).collect(),
    };
    match route.endpoint {
        "_bulk" => {
            let target = |item: Result<codecs::bulk::BulkItem<'_>, _>| {
                let index = item.ok()?.target().ok()?.index;
                Some(or_path(index.map(|index| index.into_owned()).into_iter().collect()))
            };
            items(&body).map(target).collect::<Option<Vec<_>>>().map(|all| all.concat())
        }
        "_mget" => mget_indices(&body).map(|all| all.into_iter().flat_map(or_path).collect()),
        _ => msearch_indices(&body).map(|all| all.into_iter().flat_map(or_path).collect()),
    }
}

/// The body of a bulk request without the operations of some indices, and the positions of these; `None` when there are none of them, or
/// when it cannot be read.
pub(super) fn without(
    body: &[u8],
    route: &Route<'_>,
    takes: impl Fn(Option<&str>) -> bool,
) -> Option<(Vec<u8>, Vec<usize>)> {
    let mut kept = Vec::with_capacity(body.len());
    let mut left_out = Vec::new();
    for (position, item) in items(body).enumerate() {
        let item = item.ok()?;
        let target = item.target().ok()?;
        if !takes(target.index.as_deref().or_else(|| route.index())) {
            left_out.push(position);
            continue;
        }
        for line in [Some(item.action), item.document].into_iter().flatten() {
            kept.extend_from_slice(line);
            kept.push(b'\n');
        }
    }
    (!left_out.is_empty()).then_some((kept, left_out))
}
