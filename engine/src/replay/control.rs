//! The requests that look at a replay, and hold it back.

use super::clock::{SourceClock, Speed};
use super::monitor::Monitor;
use super::view::{Pace, View};
use crate::telemetry::{Reply, Routes, meters};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

/// What sets another speed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpeedBody {
    factor: Value,
}

impl Monitor {
    /// `GET /replay`, and `POST` to `/replay/pause`, `/replay/resume` and `/replay/speed`.
    #[must_use]
    pub fn routes(&self) -> Routes {
        let [looking, pausing, resuming, speeding] = [(); 4].map(|()| self.clone());
        Routes::default()
            .with(Method::GET, "/replay", move || looking.look())
            .with(Method::POST, "/replay/pause", move || pausing.change(pause))
            .with(Method::POST, "/replay/resume", move || resuming.change(resume))
            .with_body(Method::POST, "/replay/speed", move |body| match parse(body) {
                Ok(speed) => speeding.change(|clock| set_speed(clock, speed)),
                Err(reason) => Reply::text(StatusCode::BAD_REQUEST, reason),
            })
    }

    fn look(&self) -> Reply {
        match self.running() {
            Some(running) => Reply::json(StatusCode::OK, &View::of(&running, self)),
            None => not_yet(),
        }
    }

    /// Changes how the source's time goes by, and says how it goes by then.
    fn change(&self, change: impl FnOnce(&SourceClock)) -> Reply {
        let Some(running) = self.running() else { return not_yet() };
        change(&running.clock);
        Reply::json(StatusCode::OK, &Pace::of(&running))
    }
}

fn not_yet() -> Reply {
    let text = "the replay has not begun: it still opens what it reads and writes; ask again in a moment\n";
    Reply::text(StatusCode::SERVICE_UNAVAILABLE, text)
}

/// Nothing is begun any more, and whoever watches the process is told.
pub fn pause(clock: &SourceClock) {
    if !clock.is_paused() {
        tracing::warn!("paused: SIGUSR2 or `POST /replay/resume` lets it go on");
    }
    clock.pause();
    meters().paused(true);
}

/// The source's time goes on from where it was paused.
pub fn resume(clock: &SourceClock) {
    if clock.is_paused() {
        tracing::warn!("resumed");
    }
    clock.resume();
    meters().paused(false);
}

fn set_speed(clock: &SourceClock, speed: Speed) {
    clock.set_speed(speed);
    match speed {
        Speed::Factor(factor) => tracing::warn!(factor, "the speed was changed"),
        Speed::Unlimited => tracing::warn!("the speed was changed: as fast as the target takes it"),
    }
}

/// The speed that a body asks for, or what is wrong with it.
fn parse(body: &[u8]) -> Result<Speed, String> {
    let found = match serde_json::from_slice(body) {
        Err(error) => error.to_string(),
        Ok(SpeedBody { factor }) => {
            let speed = match &factor {
                Value::String(text) if text == "max" => Some(Speed::Unlimited),
                factor => factor.as_f64().and_then(Speed::times),
            };
            match speed {
                Some(speed) => return Ok(speed),
                None => format!("`factor` is {factor}"),
            }
        }
    };
    let (least, most) = (Speed::FACTORS.start(), Speed::FACTORS.end());
    Err(format!(
        "the speed was not changed: {found}; expected a body such as {{\"factor\": 2.5}}, from {least} to {most} times as fast \
         as the source, or {{\"factor\": \"max\"}}, as fast as the target takes it\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_a_factor_or_max_and_nothing_else() {
        assert_eq!(parse(b"{\"factor\": 2.5}"), Ok(Speed::Factor(2.5)));
        assert_eq!(parse(b" {\"factor\":3}\n"), Ok(Speed::Factor(3.0)));
        assert_eq!(parse(b"{\"factor\": \"max\"}"), Ok(Speed::Unlimited));
        let expected = "; expected a body such as {\"factor\": 2.5}, from 0.000001 to 1000000 times as fast as the source, or \
                        {\"factor\": \"max\"}, as fast as the target takes it\n";
        for (body, found) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("2", "invalid type: integer `2`, expected struct SpeedBody at line 1 column 1"),
            ("{}", "missing field `factor` at line 1 column 2"),
            ("{\"factor\": 0}", "`factor` is 0"),
            ("{\"factor\": -1}", "`factor` is -1"),
            ("{\"factor\": 1e9}", "`factor` is 1000000000.0"),
            ("{\"factor\": \"2\"}", "`factor` is \"2\""),
            ("{\"factor\": null}", "`factor` is null"),
            ("{\"factor\": 1, \"x\": 1}", "unknown field `x`, expected `factor` at line 1 column 17"),
        ] {
            assert_eq!(
                parse(body.as_bytes()),
                Err(format!("the speed was not changed: {found}{expected}")),
                "{body}"
            );
        }
        assert!(parse(&[0xFF; 100]).is_err());
    }

    #[tokio::test]
    async fn a_replay_that_has_not_begun_says_so() {
        let monitor = Monitor::default();
        for reply in [monitor.look(), monitor.change(pause)] {
            assert!(format!("{reply:?}").contains("status: 503"), "{reply:?}");
        }
    }
}
