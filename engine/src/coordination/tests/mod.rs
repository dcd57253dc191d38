//! The same behaviours of both stores, with crashes at every write and a random simulation.

mod behaviours;
mod cluster;
#[path = "../../../tests/support/fake_cluster.rs"]
mod fake_cluster;
mod local;
mod planning;
mod simulation;
mod splits;
mod world;

use world::World;

/// Runs each behaviour on both stores, and all of them on a real cluster.
macro_rules! behaviours {
    ($($module:ident::$name:ident),* $(,)?) => {
        mod in_sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$module::$name(super::World::local()).await;
            })*
        }

        mod in_an_index {
            $(#[tokio::test]
            async fn $name() {
                super::$module::$name(super::World::fake(super::fake_cluster::Behaviour::default()).await).await;
            })*
        }

        mod in_an_index_whose_searches_are_behind {
            $(#[tokio::test]
            async fn $name() {
                let behind = super::fake_cluster::Behaviour { behind: 7, ..Default::default() };
                super::$module::$name(super::World::fake(behind).await).await;
            })*
        }

        mod in_an_index_whose_answers_are_lost {
            $(#[tokio::test]
            async fn $name() {
                let loses = super::fake_cluster::Behaviour { loses: 5, ..Default::default() };
                super::$module::$name(super::World::fake(loses).await).await;
            })*
        }

        /// `FERRY_TEST_CLUSTER=http://127.0.0.1:9200 cargo test -p engine --lib real_cluster -- --ignored --nocapture`
        #[tokio::test]
        #[ignore = "needs a cluster: FERRY_TEST_CLUSTER=http://…"]
        async fn all_of_it_on_a_real_cluster() {
            $(
                println!("{}", stringify!($name));
                $module::$name(World::real()).await;
            )*
        }
    };
}

behaviours![
    behaviours::another_job_under_the_same_name_is_refused_with_what_differs,
    behaviours::no_item_is_taken_twice_by_workers_at_once,
    behaviours::the_next_holder_goes_on_at_the_cursor_with_its_counts,
    behaviours::a_stale_holder_is_fenced,
    behaviours::a_graceful_stop_opens_the_item_at_once_and_costs_no_attempt,
    behaviours::a_failing_item_is_quarantined_with_its_last_error,
    behaviours::an_item_that_kills_its_workers_is_quarantined,
    behaviours::quarantined_items_can_be_put_back,
    behaviours::an_item_that_this_process_holds_is_not_taken_again_and_one_that_it_dropped_is,
    behaviours::a_cursor_outside_the_item_or_backwards_is_refused,
    behaviours::the_status_says_who_has_what_and_what_came_of_it,
    behaviours::a_lease_that_is_not_due_is_left_alone,
    planning::work_begins_when_it_is_planned_and_ends_when_it_is_done,
    planning::several_workers_may_plan_at_once,
    planning::another_plan_is_refused,
    planning::a_plan_of_nothing_is_complete_at_once,
    planning::planning_survives_a_kill_at_every_write,
    splits::a_large_item_is_split_on_request,
    splits::small_items_are_not_asked_for,
    splits::a_split_at_the_wrong_place_changes_nothing,
    splits::a_split_survives_a_kill_at_every_write,
    splits::a_tail_without_its_parents_word_is_abandoned_and_its_holder_fenced,
    splits::a_tail_that_its_holder_is_at_is_left_alone,
    splits::the_place_of_an_abandoned_tail_can_be_used_again,
    splits::a_place_can_be_used_by_an_heir_of_the_parent,
    splits::opening_a_tail_late_does_not_disturb_who_has_it,
    splits::a_stale_holder_does_not_touch_the_tail_of_the_one_after_it,
    splits::a_split_whose_answer_never_came_is_not_cut_again,
    simulation::every_document_is_covered_once_whoever_dies,
    simulation::every_document_is_covered_once_by_workers_at_once,
];

#[test]
fn no_wall_clock_is_read() {
    let words = [concat!("System", "Time"), concat!("OffsetDate", "Time"), concat!("Utc", "DateTime")];
    let mut files = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/coordination"))];
    let mut checked = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!words.iter().any(|word| text.contains(word)), "{}", path.display());
        checked += 1;
    }
    assert!(checked >= 20, "{checked}");
}
