//! The server as its clients see it: both eras, on both transports, over a service that a test plays.

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod client;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod extension;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod restarts;
#[cfg(test)]
mod tools;
