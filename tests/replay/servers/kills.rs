//! Processes that are killed at random moments, and others that join and leave, during traffic.

use crate::broker::Broker;
use crate::random::Random;
use crate::recorded::{Servers, check, remove};
use crate::recording::Recording;
use crate::replay::{Process, Replay};
use crate::topic::Topic;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// No partition with something to do may stand still for so long.
const STILL: Duration = Duration::from_secs(30);

/// A run with kills.
struct Kills {
    name: &'static str,
    requests: u64,
    kills: u32,
    /// Milliseconds between two kills.
    pause: Range<u64>,
    /// Requests a second of a process, so that there is something to do until the last kill. All connections share them, and the
    /// committed offset follows the oldest ones: with few, it would stand still by that alone.
    rate: u32,
}

impl Kills {
    fn run(&self) {
        let servers = Servers::empty();
        let mut random = Random::seeded(self.name);
        let seed = random.within(0..1000);
        let more = "--clients 8 --large 0.0005 --only-repeatable";
        let recording = Recording::make(self.name, &servers.source.url, self.requests, seed, more);
        let topic = Topic::new(&Broker::usual().plain(), self.name, 3);
        topic.put(&recording.records);
        // A group waits for a member that was killed: kills must not come faster than it notices them.
        let options = "--as-fast-as-possible --tuple-seconds 1 --quiescent-period-ms 500 \
            --kafka-property session.timeout.ms=6000 --kafka-property heartbeat.interval.ms=1000";
        let replay = Replay::new(self.name, &topic, &servers.target.url, options);
        let start = Instant::now();
        let is_over = AtomicBool::new(false);
        let longest = std::thread::scope(|scope| {
            let watch = scope.spawn(|| longest_standstill(&replay, &is_over));
            let over = Over(&is_over); // Also when something fails: the scope waits for the watch.
            self.kill_at_random(&replay, &mut random);
            println!(
                "kills {}: {} kills after {:.0} s",
                self.name,
                self.kills,
                start.elapsed().as_secs_f64()
            );
            let (status, _) = replay.to_end("last", Duration::from_secs(1800));
            drop(over);
            assert_eq!(status, Some(0));
            watch.join().unwrap()
        });
        println!(
            "kills {}: complete after {:.0} s; a partition stood still for {:.1} s at most",
            self.name,
            start.elapsed().as_secs_f64(),
            longest.as_secs_f64()
        );
        check(self.name, &servers, &recording, &replay);
        assert!(longest < STILL, "a partition stood still for {longest:?}");
        remove(&replay.folder);
    }

    /// One to three processes: some are killed, some are told to stop, others come.
    fn kill_at_random(&self, replay: &Replay, random: &mut Random) {
        let rate = format!("--max-rate {}", self.rate);
        let start = |started: &mut u32| {
            *started += 1;
            replay.start(&format!("p{started}"), &rate)
        };
        let (mut started, mut kills, mut stops) = (0, 0, 0);
        let mut processes: Vec<Process> = vec![start(&mut started)];
        while kills < self.kills {
            sleep(Duration::from_millis(random.within(self.pause.clone())));
            if processes.len() < 3 && random.within(0..2) == 0 {
                processes.push(start(&mut started));
                continue;
            }
            let at = usize::try_from(random.within(0..processes.len() as u64)).unwrap();
            let mut process = processes.swap_remove(at);
            if random.within(0..4) == 0 {
                process.stop();
                assert_eq!(process.wait(Duration::from_secs(40)), Some(2), "{}", process.log());
                stops += 1;
            } else {
                let lag = replay.topic.lag(&replay.group);
                assert!(lag > 0, "nothing was left to do after {kills} kills");
                process.kill();
                kills += 1;
            }
            if processes.is_empty() {
                // As by whatever looks after processes: that there is none is no standstill of theirs.
                processes.push(start(&mut started));
            }
        }
        for process in &mut processes {
            process.stop();
            process.wait(Duration::from_secs(40));
        }
        println!(
            "kills {}: {started} processes started, {kills} killed, {stops} stopped; {} records left",
            self.name,
            replay.topic.lag(&replay.group)
        );
    }
}

/// Says so when it is dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// For how long the committed offset of a partition that had something to do stood still at most.
fn longest_standstill(replay: &Replay, is_over: &AtomicBool) -> Duration {
    let mut moved: Vec<(i64, Instant)> = vec![(0, Instant::now()); 3];
    let mut longest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        for ((end, committed), (last, since)) in
            replay.topic.progress(&replay.group).into_iter().zip(&mut moved)
        {
            if committed != *last || committed == end {
                (*last, *since) = (committed, Instant::now());
            }
            longest = longest.max(since.elapsed());
        }
        sleep(Duration::from_millis(500));
    }
    longest
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_all_few_kills_lose_nothing_and_write_no_tuple_twice() {
    Kills { name: "few-kills", requests: 6_000, kills: 5, pause: 4000..9000, rate: 25 }.run();
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_all_thirty_kills_lose_nothing_and_write_no_tuple_twice() {
    Kills { name: "many-kills", requests: 30_000, kills: 30, pause: 3000..12_000, rate: 20 }.run();
}
