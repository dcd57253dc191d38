//! `ferry backfill --dry-run`.

use super::left_out;
use crate::args::OutputForm;
use crate::output::{ExitStatus, Output, number, size, table};
use engine::backfill::{self, Plan};

pub(super) fn report(plan: &Plan, form: OutputForm, output: &Output) -> anyhow::Result<ExitStatus> {
    let faults = plan.indices.iter().flat_map(|index| &index.faults).count();
    match form {
        OutputForm::Json => output.json(plan)?,
        OutputForm::Text => output.text(&describe_plan(plan))?,
    }
    Ok(if faults == 0 { ExitStatus::Complete } else { ExitStatus::WithFailures })
}

fn describe_plan(plan: &Plan) -> String {
    let columns = ["INDEX", ">SHARDS", ">SEGMENTS", ">WORK ITEMS", ">DOCUMENTS", ">TO FETCH", ">IN SNAPSHOT"];
    let mut total = backfill::IndexPlan { index: "total".to_owned(), ..Default::default() };
    for index in &plan.indices {
        total.shards += index.shards;
        total.segments += index.segments;
        total.work_items += index.work_items;
        total.documents += index.documents;
        total.bytes_to_fetch += index.bytes_to_fetch;
        total.bytes_total += index.bytes_total;
    }
    let rows = plan.indices.iter().chain([&total]).map(|index| {
        let numbers = [index.shards.into(), index.segments, index.work_items, index.documents];
        let numbers = numbers.into_iter().map(number);
        let sizes = [size(index.bytes_to_fetch), size(index.bytes_total)];
        std::iter::once(index.index.clone()).chain(numbers).chain(sizes).collect()
    });
    let mut lines = vec![table(&columns, rows)];
    lines.extend(left_out(&plan.excluded_indices));
    for index in &plan.indices {
        lines.extend(index.faults.iter().map(|fault| format!("fault: `{}`: {fault}", index.index)));
    }
    lines.push("nothing was written: this is what would be done".to_owned());
    lines.join("\n")
}
