//! The ground that routes stand on: how a request is read, what an answer is, and what joins them.

mod answer;
mod call;
mod head;
mod listen;
mod route;
mod router;
pub(crate) mod sse;
mod stall;

pub(crate) use answer::{Answer, Either, How, Json, Kind, Made, Page, Text};
pub(crate) use call::{Call, ExportFile, Given, Maybe, NDJSON, Parameters, Wanted};
pub(crate) use listen::listen;
pub(crate) use route::{Route, route};
pub(crate) use router::router;
