//! A sink that takes what it can get: time, memory, handles, requests, places that it may not
//! reach. Its configuration is JSON whose first value says what it does, and in which call: `write
//! loops`, say. Where it is refused something it says so in its next notice, and goes on.

use std::cell::RefCell;
use std::io::{IsTerminal as _, Read as _};

use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, FutureIncomingResponse, OutgoingBody, OutgoingRequest, Scheme};
use wasip2::io::poll;
use wasip2::random::random;

use crate::bindings::exports::spillway::sink::sink::{Guest, GuestSink, Sink as SinkHandle};
use crate::bindings::spillway::sink::types::{
    Boundaries, Description, Ending, Error, IncompleteUpload, Level, Metric, Notice, Progress,
    Rejection, Run, SavedState, StoredState,
};

struct Component;

struct Hostile {
    does: String,
    next: RefCell<u64>,
    said: RefCell<Vec<String>>,
    in_flight: RefCell<Vec<FutureIncomingResponse>>,
}

impl Guest for Component {
    type Sink = Hostile;

    fn describe() -> Description {
        Hostile::new(std::hint::black_box(DESCRIBES)).act("describe");
        let text = SAID.to_owned();
        Description { name: text.clone(), version: text.clone(), configuration_schema: text }
    }

    fn egress(config: String) -> Result<Vec<String>, Error> {
        let authority = config.split('"').nth(7).unwrap_or("s3.test:443").to_owned();
        Hostile::new(&config).act("egress");
        Ok(vec![authority])
    }

    fn inspect_state(state: Vec<u8>) -> Result<SavedState, Error> {
        Hostile::new(&String::from_utf8_lossy(&state)).act("inspect-state");
        Err(Error::UnknownState("it holds nothing".to_owned()))
    }

    fn load_state(config: String, _: String) -> Result<Option<StoredState>, Error> {
        Hostile::new(&config).act("load-state");
        Ok(None)
    }

    fn check_state(config: String, _: String) -> Result<(), Error> {
        Hostile::new(&config).act("check-state");
        Ok(())
    }
}

impl GuestSink for Hostile {
    fn open(config: String, _: Option<Vec<u8>>) -> Result<SinkHandle, Error> {
        let sink = Hostile::new(&config);
        sink.act("open");
        Ok(SinkHandle::new(sink))
    }

    fn check(&self) -> Result<(), Error> {
        self.act("check");
        Ok(())
    }

    fn write(&self, batch: Vec<Run>) -> Result<Vec<Rejection>, Error> {
        self.act("write");
        for run in &batch {
            let events = match &run.boundaries {
                Boundaries::At(ends) => ends.len() as u64,
                Boundaries::Lines(lines) => u64::from(*lines),
            };
            self.next.replace(run.first + events);
        }
        Ok(Vec::new())
    }

    fn write_until_rejected(&self, batch: Vec<Run>) -> Result<Option<Rejection>, Error> {
        self.act("write-until-rejected");
        self.write(batch).map(|rejected| rejected.into_iter().next())
    }

    fn skip(&self, to: u64) -> Result<(), Error> {
        self.act("skip");
        self.next.replace(to);
        Ok(())
    }

    fn poll(&self) -> Result<Progress, Error> {
        self.act("poll");
        Ok(self.progress())
    }

    fn flush(&self) -> Result<Progress, Error> {
        self.act("flush");
        Ok(self.progress())
    }

    fn checkpoint(&self) -> Result<Vec<u8>, Error> {
        self.act("checkpoint");
        Ok(Vec::new())
    }

    fn commit(&self) -> Result<(), Error> {
        self.act("commit");
        Ok(())
    }

    fn store_state(&self, _: String, _: Vec<u8>, _: Option<String>) -> Result<String, Error> {
        self.act("store-state");
        Ok("1".to_owned())
    }

    fn close(&self, _: Ending) -> Result<Progress, Error> {
        self.act("close");
        Ok(self.progress())
    }

    fn metrics(&self) -> Vec<Metric> {
        self.act("metrics");
        Vec::new()
    }

    fn incomplete_uploads(&self) -> Result<Vec<IncompleteUpload>, Error> {
        self.act("incomplete-uploads");
        Ok(Vec::new())
    }

    fn abort_upload(&self, _: String, _: String) -> Result<(), Error> {
        self.act("abort-upload");
        Ok(())
    }
}

impl Hostile {
    fn new(config: &str) -> Hostile {
        Hostile {
            does: config.split('"').nth(3).unwrap_or(config).to_owned(),
            next: RefCell::default(),
            said: RefCell::default(),
            in_flight: RefCell::default(),
        }
    }

    /// Does what it was told to, if it is in this call.
    fn act(&self, call: &str) {
        let mut words = self.does.split_whitespace();
        if words.next() != Some(call) {
            return;
        }
        let what = words.next().unwrap_or_default();
        let word = words.next().unwrap_or_default();
        match what {
            "loops" => loop {
                std::hint::spin_loop();
            },
            "sleeps" => monotonic_clock::subscribe_duration(u64::MAX / 2).block(),
            "recurses" => {
                std::hint::black_box(recurse(1));
            }
            "grows" => loop {
                std::mem::forget(std::hint::black_box(vec![1_u8; 1 << 20]));
            },
            "holds" => loop {
                std::mem::forget(monotonic_clock::subscribe_duration(1));
            },
            "makes" => loop {
                std::mem::forget(SinkHandle::new(Hostile::new("")));
            },
            "polls" => {
                poll::poll(&[]);
            }
            "draws" => {
                random::get_random_bytes(u64::MAX);
            }
            "divides" => {
                std::hint::black_box(1_u32.checked_div(0).expect("it cannot be"));
            }
            "reads" => read_outside(),
            "floods" => loop {
                match send(word, &[]) {
                    Ok((future, _)) => self.in_flight.borrow_mut().push(future),
                    Err(error) => return self.say(&error),
                }
            },
            "reaches" => self.say(&reach(word)),
            // It has an answer, and does not come back.
            "lingers" => {
                self.say(&reach(word));
                monotonic_clock::subscribe_duration(u64::MAX / 2).block();
            }
            "follows" => self.say(&follow(word)),
            "asks" => self.say(&all_that_there_is()),
            "exits" => std::process::exit(3),
            "shortens" => self.say(&mismatch(word, 5)),
            "lengthens" => self.say(&mismatch(word, 15)),
            "is" => {}
            other => panic!("{other}"),
        }
    }

    fn say(&self, text: &str) {
        self.said.borrow_mut().push(text.to_owned());
    }

    fn progress(&self) -> Progress {
        let notice = |message| Notice { level: Level::Info, message };
        Progress {
            durable: *self.next.borrow(),
            visible: Vec::new(),
            failed: Vec::new(),
            wants_checkpoint: false,
            notices: self.said.borrow_mut().drain(..).map(notice).collect(),
            notices_dropped: 0,
        }
    }
}

#[allow(unconditional_recursion, reason = "it means harm")]
fn recurse(depth: u64) -> u64 {
    // Nothing of this lies in memory: it is the stack of the machine that ends.
    recurse(depth + 1).rotate_left(depth as u32).wrapping_sub(depth)
}

#[allow(unsafe_code, reason = "it means harm")]
fn read_outside() {
    // SAFETY: none. A linear memory of 32 bits ends before this, and the machine says so.
    std::hint::black_box(unsafe { std::ptr::read_volatile((u32::MAX - 64) as *const u64) });
}

/// Sends a request to an authority, or says why not.
fn send(
    authority: &str,
    headers: &[(&str, &str)],
) -> Result<(FutureIncomingResponse, OutgoingBody), String> {
    let fields = Fields::new();
    for (name, value) in headers {
        let set = fields.append(name, value.as_bytes());
        set.map_err(|error| format!("{name}: {error}"))?;
    }
    let request = OutgoingRequest::new(fields);
    request.set_scheme(Some(&Scheme::Http)).expect("it is a scheme");
    request.set_authority(Some(authority)).map_err(|()| format!("{authority} is none"))?;
    request.set_path_with_query(Some("/latest/meta-data/")).expect("it is a path");
    let body = request.body().expect("it is taken once");
    let future = outgoing_handler::handle(request, None).map_err(|error| format!("{error:?}"))?;
    Ok((future, body))
}

/// What comes of a request.
fn answer(future: &FutureIncomingResponse) -> Result<(u16, Option<String>), String> {
    future.subscribe().block();
    let answered = future.get().expect("it is there").expect("it is taken once");
    let response = answered.map_err(|error| format!("refused: {error:?}"))?;
    let location = response.headers().get("location").into_iter().next();
    Ok((response.status(), location.map(|place| String::from_utf8_lossy(&place).into_owned())))
}

fn reach(authority: &str) -> String {
    let answered = send(authority, &[]).and_then(|(future, body)| {
        OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"))?;
        answer(&future)
    });
    match answered {
        Ok((status, _)) => format!("{authority} answers {status}"),
        Err(error) => error,
    }
}

/// Goes where an answer points to.
fn follow(authority: &str) -> String {
    let answered = send(authority, &[]).and_then(|(future, body)| {
        OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"))?;
        answer(&future)
    });
    match answered {
        Ok((status, Some(place))) => {
            let next = place.trim_start_matches("http://").split('/').next().unwrap_or_default();
            format!("{status} leads on: {}", reach(next))
        }
        Ok((status, None)) => format!("{status} leads nowhere"),
        Err(error) => error,
    }
}

/// What a standard library finds.
fn all_that_there_is() -> String {
    let mut input = String::new();
    let read = std::io::stdin().read_to_string(&mut input).unwrap_or_default();
    println!("{SAID}");
    eprintln!("{SAID}");
    let terminals = [
        std::io::stdin().is_terminal(),
        std::io::stdout().is_terminal(),
        std::io::stderr().is_terminal(),
    ];
    format!(
        "{} variables, {} arguments, {read} bytes, {} terminals, folder {}, file {}, written {}",
        std::env::vars_os().count(),
        std::env::args_os().count(),
        terminals.into_iter().filter(|is| *is).count(),
        std::fs::read_dir("/").is_ok(),
        std::fs::read("/etc/passwd").is_ok(),
        std::fs::write("hostile", "x").is_ok(),
    )
}

/// Sends a body that is not as long as it says.
fn mismatch(authority: &str, bytes: usize) -> String {
    let sent = send(authority, &[("content-length", "10")]).and_then(|(future, body)| {
        let stream = body.write().expect("it is taken once");
        let written = stream.blocking_write_and_flush(&vec![b'x'; bytes]);
        drop(stream);
        let finished = OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"));
        written.map_err(|error| format!("{error:?}"))?;
        finished?;
        answer(&future)
    });
    match sent {
        Ok((status, _)) => format!("answered {status}"),
        Err(error) => error,
    }
}

/// This call has no configuration: a test that wants it otherwise writes so in this place.
const DESCRIBES: &str = "describe is honest  ";

/// What a terminal, a log or a reader would take for something else.
const SAID: &str = "said\nerror: forged\r\u{1b}[2J\u{7}\u{85}\u{9b}\u{2028}\u{2029}\u{202e}\u{202a}\
                    \u{2066}\u{2069}\u{200e}\u{200f}\u{61c}\u{200b}\u{200d}\u{2060}\u{feff}end";

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({
        path: "../../wit/deps/sink",
        inline: "
            package spillway:hostile;
            world hostile {
                export spillway:sink/sink@0.2.0;
            }
        ",
        world: "spillway:hostile/hostile",
        generate_all,
    });

    export!(Component with_types_in self);
}
