//! An S3 server in a process of its own: it counts the bytes of each object, and keeps nothing.
//!
//! It proves neither signatures nor checksums, so that what is measured is the client. It has one
//! thread, for all connections. Its parent asks it by lines on standard input, and it answers each
//! with a line. It ends when that input does.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Instant;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

/// The bucket that every request is for.
pub const BUCKET: &str = "measured";
/// The request for a [`Report`].
pub const REPORT: &str = "report";
/// The request to forget all, and to start the clock.
pub const RESET: &str = "reset";

/// What was stored since the last [`RESET`].
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Report {
    /// Objects that became visible; one that was replaced counts once.
    pub objects: u64,
    /// The bytes of all of them.
    pub bytes: u64,
    /// Seconds from [`RESET`] to the first request.
    pub first_request_seconds: Option<f64>,
}

/// Serves until standard input ends. Prints its endpoint first.
///
/// # Errors
///
/// Where there is no port, or standard output is closed.
pub fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port")?;
        answer(&format!("http://{}", listener.local_addr()?))?;
        let store = Rc::new(RefCell::new(Store::new()));
        let accepting = tokio::task::spawn_local(accept(listener, store.clone()));
        let mut asked = BufReader::new(tokio::io::stdin()).lines();
        while let Some(line) = asked.next_line().await? {
            match line.as_str() {
                RESET => {
                    *store.borrow_mut() = Store::new();
                    answer("")?;
                }
                REPORT => answer(&serde_json::to_string(&store.borrow().report())?)?,
                other => anyhow::bail!("{other:?} is no request of a benchmark"),
            }
        }
        accepting.abort();
        Ok(())
    })
}

fn answer(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

async fn accept(listener: TcpListener, store: Rc<RefCell<Store>>) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let store = store.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| respond(&store, request));
            // A client that goes away in the middle of a request has failed, and says so itself.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(
    store: &RefCell<Store>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    store.borrow_mut().noticed();
    let (head, mut body) = request.into_parts();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes += frame.data_ref().map_or(0, Bytes::len) as u64,
            Err(_) => return Ok(status(StatusCode::BAD_REQUEST)),
        }
    }
    let path = head.uri.path();
    let query = head.uri.query().unwrap_or_default();
    let of_upload = parameter(query, "uploadId");
    let mut store = store.borrow_mut();
    Ok(match (&head.method, of_upload) {
        (&Method::POST, None) if parameter(query, "uploads").is_some() => {
            created(path, store.create())
        }
        (&Method::PUT, Some(upload)) => {
            let number = parameter(query, "partNumber").unwrap_or_default().to_owned();
            match store.part(upload, number, decoded(&head.headers, bytes)) {
                true => stored(&head.headers),
                false => status(StatusCode::NOT_FOUND),
            }
        }
        (&Method::POST, Some(upload)) => match store.complete(path, upload) {
            true => completed(path, &head.headers),
            false => status(StatusCode::NOT_FOUND),
        },
        (&Method::PUT, None) => {
            store.put(path, decoded(&head.headers, bytes));
            stored(&head.headers)
        }
        (&Method::DELETE, _) => status(StatusCode::NO_CONTENT),
        (&Method::HEAD, None) => match store.objects.get(path) {
            Some(bytes) => found(*bytes),
            None => status(StatusCode::NOT_FOUND),
        },
        _ => status(StatusCode::NOT_IMPLEMENTED),
    })
}

struct Store {
    begun: Instant,
    first_request: Option<Instant>,
    uploads: HashMap<String, HashMap<String, u64>>,
    objects: HashMap<String, u64>,
    created: u64,
}

impl Store {
    fn new() -> Store {
        Store {
            begun: Instant::now(),
            first_request: None,
            uploads: HashMap::new(),
            objects: HashMap::new(),
            created: 0,
        }
    }

    fn noticed(&mut self) {
        self.first_request.get_or_insert_with(Instant::now);
    }

    fn create(&mut self) -> String {
        self.created += 1;
        let id = self.created.to_string();
        self.uploads.insert(id.clone(), HashMap::new());
        id
    }

    fn part(&mut self, upload: &str, number: String, bytes: u64) -> bool {
        let parts = self.uploads.get_mut(upload);
        parts.map(|parts| parts.insert(number, bytes)).is_some()
    }

    fn complete(&mut self, path: &str, upload: &str) -> bool {
        let parts = self.uploads.remove(upload);
        parts.map(|parts| self.put(path, parts.values().sum())).is_some()
    }

    fn put(&mut self, path: &str, bytes: u64) {
        self.objects.insert(path.to_owned(), bytes);
    }

    fn report(&self) -> Report {
        Report {
            objects: self.objects.len() as u64,
            bytes: self.objects.values().sum(),
            first_request_seconds: self
                .first_request
                .map(|first| first.duration_since(self.begun).as_secs_f64()),
        }
    }
}

/// The bytes of the object in a body: fewer than those of the body where it comes in chunks.
fn decoded(headers: &HeaderMap, bytes: u64) -> u64 {
    let said = headers.get("x-amz-decoded-content-length").and_then(|value| value.to_str().ok());
    said.and_then(|said| said.parse().ok()).unwrap_or(bytes)
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        (found == name).then_some(value)
    })
}

fn created(path: &str, upload: String) -> Response<Full<Bytes>> {
    let key = key(path);
    xml(format!(
        "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key>\
         <UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
    ))
}

fn completed(path: &str, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let key = key(path);
    let checksum = headers.get(CRC64NVME).and_then(|value| value.to_str().ok());
    let checksum = checksum.map_or(String::new(), |checksum| {
        format!("<ChecksumCRC64NVME>{checksum}</ChecksumCRC64NVME>")
    });
    xml(format!(
        "<CompleteMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key>\
         <ETag>{ETAG}</ETag>{checksum}</CompleteMultipartUploadResult>"
    ))
}

/// Names of objects here are plain: nothing in them is escaped.
fn key(path: &str) -> &str {
    path.strip_prefix('/').and_then(|path| path.split_once('/')).map_or("", |(_, key)| key)
}

fn xml(body: String) -> Response<Full<Bytes>> {
    Response::new(Full::from(body))
}

fn stored(headers: &HeaderMap) -> Response<Full<Bytes>> {
    let mut response = status(StatusCode::OK);
    response.headers_mut().insert("etag", http::HeaderValue::from_static(ETAG));
    // S3 says again what it has compared.
    if let Some(checksum) = headers.get(CRC64NVME) {
        response.headers_mut().insert(CRC64NVME, checksum.clone());
    }
    response
}

/// Some clients look whether their object is there.
fn found(bytes: u64) -> Response<Full<Bytes>> {
    let mut response = status(StatusCode::OK);
    response.headers_mut().insert("etag", http::HeaderValue::from_static(ETAG));
    response.headers_mut().insert("content-length", bytes.into());
    response
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

const CRC64NVME: &str = "x-amz-checksum-crc64nvme";
/// With the hyphen that says that it is no MD5 of the object.
const ETAG: &str = "\"00000000000000000000000000000000-1\"";
