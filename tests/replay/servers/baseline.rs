//! Processes of one group keep one time, also after all of them were started again.

use crate::broker::Broker;
use crate::captured::connection_after;
use crate::recorded::remove;
use crate::replay::{Process, Replay};
use crate::target::{self, Arrivals};
use crate::topic::Topic;
use std::time::{Duration, Instant};

/// A request is this late at most, on a machine with much to do.
const LATE: Duration = Duration::from_millis(1500);

const MOST: Duration = Duration::from_secs(60);

fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < MOST, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn arrival(arrivals: &Arrivals, path: &str) -> Instant {
    let find = || arrivals.lock().unwrap().iter().find(|(_, found)| found == path).map(|(when, _)| *when);
    until(&format!("{path} does not come"), || find().is_some());
    find().unwrap()
}

fn stop(processes: &mut [Process]) {
    processes.iter().for_each(Process::stop);
    for process in processes {
        assert_eq!(process.wait(MOST), Some(2), "{}", process.log());
    }
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_quick_processes_of_a_group_keep_one_time_also_when_they_are_started_again() {
    let topic = Topic::new(&Broker::usual().plain(), "baseline", 2);
    let arrivals = Arrivals::default();
    let url = format!("http://127.0.0.1:{}", target::start_with(&arrivals));
    let options = "--tuple-seconds 1 --kafka-property heartbeat.interval.ms=500";
    let replay = Replay::new("baseline", &topic, &url, options);
    let put = |partition, seconds, path: &str| {
        topic.put_into(Some(partition), &[connection_after(seconds, path, path)]);
    };
    put(0, 0, "/first");
    put(0, 18, "/later/0");
    let first = replay.start("one", "");
    let start = arrival(&arrivals, "/first");
    until("the baseline is committed", || topic.notes(&replay.group).iter().any(|note| !note.is_empty()));
    let second = replay.start("two", "");
    until("the second one has a partition", || second.log().contains("reading these partitions"));
    // Whichever partition the second one has, the first request of it is later by the source's clock.
    put(1, 15, "/second");
    put(1, 18, "/later/1");
    let mut offsets = vec![];
    for (path, due) in [("/second", 15), ("/later/0", 18), ("/later/1", 18)] {
        let came = arrival(&arrivals, path) - start;
        offsets.push(came);
        let due = Duration::from_secs(due);
        assert!(came + LATE > due && came < due + LATE, "{path} came after {came:?}\n{}", second.log());
    }
    let notes = |text: &str| topic.notes(&replay.group).iter().all(|note| note.starts_with(text));
    until("all is committed", || topic.lag(&replay.group) == 0);
    assert!(notes("ferry1 source=1770000000000 real="), "{:?}", topic.notes(&replay.group));
    stop(&mut [first, second]);

    put(0, 32, "/again");
    let third = replay.start("three", "");
    let came = arrival(&arrivals, "/again") - start;
    offsets.push(came);
    let due = Duration::from_secs(32);
    assert!(came + LATE > due && came < due + LATE, "it came after {came:?}\n{}", third.log());
    until("all is committed", || topic.lag(&replay.group) == 0);
    stop(&mut [third]);

    put(1, 500, "/anew");
    let fourth = replay.start("four", "--new-baseline");
    let came = arrival(&arrivals, "/anew") - start;
    until("it is carried", || topic.notes(&replay.group)[1].starts_with("ferry1 source=1770000500000 real="));
    println!("replay baseline: due at 15, 18, 18, 32 s, came after {offsets:.1?}; anew after {came:.1?}");
    stop(&mut [fourth]);
    remove(&replay.folder);
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_quick_processes_that_begin_a_group_at_the_same_moment_agree_on_one_time() {
    let topic = Topic::new(&Broker::usual().plain(), "baseline-race", 2);
    let arrivals = Arrivals::default();
    let url = format!("http://127.0.0.1:{}", target::start_with(&arrivals));
    let options = "--tuple-seconds 1 --kafka-property heartbeat.interval.ms=500";
    let replay = Replay::new("baseline-race", &topic, &url, options);
    let both = [replay.start("one", ""), replay.start("two", "")];
    let has_partition = |process: &Process| process.log().contains("reading these partitions");
    until("each has a partition", || both.iter().all(has_partition));
    let put = |partition, seconds, path: &str| {
        topic.put_into(Some(partition), &[connection_after(seconds, path, path)]);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| put(0, 0, "/begin/0"));
        scope.spawn(|| put(1, 10, "/begin/1"));
    });
    put(0, 25, "/then/0");
    put(1, 25, "/then/1");
    let [begin, also] = ["/begin/0", "/begin/1"].map(|path| arrival(&arrivals, path));
    let [then, and] = ["/then/0", "/then/1"].map(|path| arrival(&arrivals, path));
    let apart = |one: Instant, other: Instant| one.max(other) - one.min(other);
    println!(
        "replay baseline: first requests {:.1?} apart, those of one moment then {:.1?}, {:.1?} after the first",
        apart(begin, also),
        apart(then, and),
        then - begin
    );
    assert!(apart(then, and) < LATE, "{:?}\n{}\n{}", apart(then, and), both[0].log(), both[1].log());
    until("all is committed", || topic.lag(&replay.group) == 0);
    until("both carry one", || {
        let notes = topic.notes(&replay.group);
        notes[0] == notes[1] && notes[0].starts_with("ferry1 ")
    });
    let mut both = both;
    stop(&mut both);
    remove(&replay.folder);
}
