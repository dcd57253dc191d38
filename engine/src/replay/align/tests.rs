use super::*;
use crate::replay::clock::Baseline;
use std::collections::BTreeMap;

const SECOND: Duration = Duration::from_secs(1);

/// The commits of a group: the note of each partition, and how many there were.
#[derive(Clone, Default)]
struct Group(Arc<Mutex<(BTreeMap<u32, String>, u32)>>);

/// One process, which has one partition.
struct Member {
    clock: SourceClock,
    alignment: Arc<Alignment>,
    _tasks: JoinSet<()>,
}

impl Group {
    fn notes(&self) -> Vec<String> {
        self.0.lock().unwrap().0.values().cloned().collect()
    }

    fn put(&self, partition: u32, note: &str) {
        let mut state = self.0.lock().unwrap();
        state.0.insert(partition, note.to_owned());
        state.1 += 1;
    }

    fn commits(&self) -> u32 {
        self.0.lock().unwrap().1
    }

    /// A process that has got no partition yet.
    fn join(&self, partition: u32, clock: SourceClock, new_baseline: bool) -> Member {
        let (found, looked, written) = (self.clone(), self.clone(), self.clone());
        let notes = GroupNotes {
            found: Box::new(move || found.notes()),
            look: Box::new(move || {
                let notes = looked.notes();
                Box::pin(async move { Ok(notes) })
            }),
            write: Box::new(move |note, at_once| {
                if at_once {
                    written.put(partition, note);
                }
                Ok(())
            }),
        };
        let settings = Settings { clock: clock.clone(), new_baseline, ..Settings::default() };
        let (alignment, tasks) = start(Some(notes), &settings);
        // Baselines are told apart by the millisecond in which they were set.
        std::thread::sleep(Duration::from_millis(3));
        Member { clock, alignment: alignment.unwrap(), _tasks: tasks }
    }

    fn member(&self, partition: u32) -> Member {
        let member = self.join(partition, SourceClock::new(Speed::Factor(1.0)), false);
        member.alignment.partition_comes();
        member
    }
}

impl Member {
    /// The source's moment of its baseline, in seconds, and that of ours in milliseconds.
    fn baseline(&self) -> Option<(u64, u128)> {
        let baseline = self.clock.setting()?.baseline;
        let source = baseline.source.duration_since(source(0)).unwrap();
        Some((source.as_secs(), millis(baseline.real)))
    }
}

fn source(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

async fn pass(seconds: u32) {
    tokio::time::sleep(seconds * SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_later_and_who_is_started_again_keep_the_time_of_the_first() {
    let group = Group::default();
    let first = group.member(0);
    first.clock.start_at(source(10));
    pass(1).await;
    let second = group.member(1);
    assert_eq!(second.baseline(), first.baseline());
    second.clock.start_at(source(99)); // Its first request changes nothing.
    assert_eq!(second.baseline().unwrap().0, 10);
    let kept = first.baseline();
    drop((first, second));
    assert_eq!(group.member(1).baseline(), kept);
}

#[tokio::test(start_paused = true)]
async fn two_that_start_at_the_same_time_agree_on_what_was_set_last() {
    let group = Group::default();
    let (first, second) = (group.member(0), group.member(1));
    first.clock.start_at(source(50));
    std::thread::sleep(Duration::from_millis(3));
    second.clock.start_at(source(20));
    pass(1).await;
    assert_ne!(first.baseline(), second.baseline());
    pass(4).await;
    assert_eq!(first.baseline(), second.baseline());
    assert_eq!(second.baseline().unwrap().0, 20);
    let commits = group.commits();
    pass(3600).await;
    assert_eq!(group.commits(), commits, "nothing is written without need");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_ends_and_a_new_speed_are_those_of_all_who_have_that_speed() {
    let group = Group::default();
    let (first, second) = (group.member(0), group.member(1));
    first.clock.start_at(source(0));
    pass(5).await;
    assert_eq!(second.baseline(), first.baseline());
    first.clock.pause();
    pass(100).await;
    first.clock.resume();
    pass(40).await;
    assert_eq!(second.baseline(), first.baseline());
    for member in [&first, &second] {
        member.clock.set_speed(Speed::Factor(3.0));
        std::thread::sleep(Duration::from_millis(3));
        pass(10).await;
    }
    pass(30).await;
    assert_eq!(second.baseline(), first.baseline());
    let third = group.join(2, SourceClock::new(Speed::Factor(3.0)), false);
    third.alignment.partition_comes();
    assert_eq!(third.baseline(), first.baseline());
}

#[tokio::test(start_paused = true)]
async fn a_baseline_of_another_speed_is_not_taken_over_and_a_new_one_comes_after_it() {
    let group = Group::default();
    let ahead = millis(SystemTime::now() + 60 * SECOND);
    group.put(0, &format!("ferry1 source=1700000000000 real={ahead} speed=2.0 set={ahead}"));
    let member = group.member(1);
    assert_eq!(member.baseline(), None);
    member.clock.start_at(source(7));
    pass(10).await;
    assert_eq!(member.baseline().unwrap().0, 7);
    let after = group.member(2);
    assert_eq!(after.baseline(), member.baseline(), "{:?}", group.notes());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_baseline_or_cannot_be_meant_is_passed_over() {
    let group = Group::default();
    group.put(0, "something of another program");
    group.put(1, "ferry1 source=0 real=0 speed=1.0 set=253402300799999");
    group.put(2, &format!("ferry1 {}", "x".repeat(500)));
    let member = group.member(3);
    member.clock.start_at(source(7));
    pass(5).await;
    assert_eq!(member.baseline().unwrap().0, 7);
    assert_eq!(group.member(4).baseline(), member.baseline());
}

#[tokio::test(start_paused = true)]
async fn a_baseline_that_is_given_and_a_new_one_take_the_place_of_the_old_one_for_all() {
    let group = Group::default();
    let first = group.member(0);
    first.clock.start_at(source(0));
    pass(1).await;
    let given = SourceClock::new(Speed::Factor(1.0));
    given.adopt(Baseline { source: source(500), real: SystemTime::now() - SECOND });
    let second = group.join(1, given, false);
    second.alignment.partition_comes();
    pass(60).await;
    assert_eq!((first.baseline().unwrap().0, second.baseline().unwrap().0), (500, 500));
    let third = group.join(2, SourceClock::new(Speed::Factor(1.0)), true);
    third.alignment.partition_comes();
    assert_eq!(third.baseline(), None);
    third.clock.start_at(source(900));
    pass(60).await;
    assert_eq!(first.baseline(), third.baseline());
    assert_eq!(third.baseline().unwrap().0, 900);
}

#[tokio::test(start_paused = true)]
async fn as_fast_as_possible_leaves_no_baseline_to_later_runs_and_writes_little() {
    let group = Group::default();
    let first = group.member(0);
    first.clock.start_at(source(0));
    pass(1).await;
    drop(first);
    let fast = [1, 2].map(|partition| group.join(partition, SourceClock::new(Speed::Unlimited), false));
    for member in &fast {
        member.alignment.partition_comes();
        member.clock.start_at(source(5));
    }
    pass(3600).await;
    drop(fast);
    assert!(group.commits() <= 4, "{}", group.commits());
    let later = group.member(0);
    assert_eq!(later.baseline(), None);
}
