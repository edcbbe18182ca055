//! Containers that a crash has left: found by their label.

use super::DockerError;
use super::connect::DockerSandbox;
use super::container::LABEL;
use super::life::{end, in_time};
use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptions;
use std::collections::HashMap;
use std::time::Duration;

/// How long the engine may take to list them.
const LIST_TIME: Duration = Duration::from_secs(30);

/// Most that are removed at once; a crash leaves as many as commands ran.
const MAX_REMOVED: usize = 100;

/// States of containers that run, or may be made to.
const MAY_RUN: &[&str] = &["created", "running", "paused"];

const ENDED: &[&str] = &["exited"];

impl DockerSandbox {
    /// Ends and removes every container whose command's label starts with `prefix`: what a crash of
    /// Loom left running. Returns how many there were; an empty prefix names none.
    ///
    /// # Errors
    /// When the engine does not do it: then a command may still run.
    pub async fn remove_labelled(&self, prefix: &str) -> Result<usize, DockerError> {
        if prefix.is_empty() {
            return Ok(0);
        }
        let mut found = self.labelled(prefix, MAY_RUN).await?;
        // Podman has a word of its own for one that has just ended, which the client cannot read. It
        // runs nothing, so it may stay until another time.
        found.extend(self.labelled(prefix, ENDED).await.unwrap_or_default());
        for id in found.iter().take(MAX_REMOVED) {
            let ended = end(&self.engine().client, id).await;
            ended.map_err(|complaint| self.failed(complaint))?;
        }
        Ok(found.len().min(MAX_REMOVED))
    }

    /// Ids of the containers in one of these states whose label starts with `prefix`.
    async fn labelled(&self, prefix: &str, states: &[&str]) -> Result<Vec<String>, DockerError> {
        let states = states.iter().map(|state| (*state).to_owned()).collect();
        let options = ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([
                ("label".to_owned(), vec![LABEL.to_owned()]),
                ("status".to_owned(), states),
            ])),
            ..ListContainersOptions::default()
        };
        let list = self.engine().client.list_containers(Some(options));
        let listed = in_time(LIST_TIME, list).await;
        let listed = listed.map_err(|complaint| self.failed(complaint))?;
        let ours =
            |found: &ContainerSummary| label(found).is_some_and(|label| label.starts_with(prefix));
        let ours = listed.into_iter().filter(ours);
        Ok(ours.filter_map(|found| found.id).collect())
    }

    fn failed(&self, complaint: String) -> DockerError {
        DockerError::Engine {
            socket: self.engine().socket.clone(),
            complaint,
        }
    }
}

fn label(found: &ContainerSummary) -> Option<&str> {
    Some(found.labels.as_ref()?.get(LABEL)?.as_str())
}
