//! What a search would cost: keys exactly, bytes extrapolated from samples.
//!
//! Each sample is a few keys from a position on, read together with the exact number of keys from there. So the numbers
//! of keys between two positions are exact, and only their average size is estimated. The positions advance by growing
//! steps: the byte that is raised moves from the end of the sampled keys towards the beginning of the range.

use shared::{Code, Header, SearchEstimateResponse};

use super::{CALL_TIMEOUT, SearchQuery, SearchService};
use crate::etcd::{Get, KeyValue, Range, RangeResponse, next_key};
use crate::failure::Result;
use crate::identity::Caller;

/// Samples of all ranges together, except that each range has at least one.
const SAMPLES: usize = 24;
/// Keys in a sample.
const SAMPLE_KEYS: i64 = 64;
/// The limit on bytes of a sample; a larger one is requested again with fewer keys.
const SAMPLE_BYTES: usize = 4 << 20;

/// The totals so far.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    bytes: f64,
    sampled_keys: u64,
    /// Whether every key was read.
    exact: bool,
}

/// The keys of one read.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// Keys read.
    keys: usize,
    /// Their bytes.
    bytes: usize,
    /// Keys from here to the range's end.
    rest: i64,
}

impl SearchService {
    /// The cost of a search.
    pub async fn estimate(
        &self,
        caller: &Caller,
        query: &SearchQuery,
    ) -> Result<SearchEstimateResponse> {
        let caller = caller.with_timeout(CALL_TIMEOUT);
        let scope = self.scope(&caller, query).await?;
        let Header { revision, .. } = scope.header;
        let mut totals = Totals {
            exact: true,
            ..Totals::default()
        };
        let each = (SAMPLES / scope.parts.len().max(1)).max(1);
        for (range, _) in &scope.parts {
            let keys_only = !query.places.values;
            self.sample(&caller, range, revision, keys_only, each, &mut totals)
                .await?;
        }
        Ok(SearchEstimateResponse {
            header: scope.header,
            keys: scope.keys(),
            bytes: totals.bytes.round() as u64,
            bytes_exact: totals.exact,
            sampled_keys: totals.sampled_keys,
            readable_only: scope.readable_only,
        })
    }

    /// Samples a range.
    async fn sample(
        &self,
        caller: &Caller,
        range: &Range,
        revision: i64,
        keys_only: bool,
        samples: usize,
        totals: &mut Totals,
    ) -> Result<()> {
        let end = range.exclusive_end();
        let mut steps = Steps::new(end.clone());
        let mut at = range.key.clone();
        let mut last: Option<Sample> = None;
        for _ in 0..samples {
            if last.is_some() && caller.is_half_spent() {
                break;
            }
            let get = Get {
                keys_only,
                ..Get::default().at(revision).limit(SAMPLE_KEYS)
            };
            let rest = Range::between(at, end.clone());
            let response = self.read(caller, &rest, get).await?;
            if let Some(last) = last {
                totals.add(last, last.rest - response.count);
            }
            let (Some(first_key), Some(last_key)) = (response.kvs.first(), response.kvs.last())
            else {
                return Ok(());
            };
            let sample = Sample {
                keys: response.kvs.len(),
                bytes: response.kvs.iter().map(size).sum(),
                rest: response.count,
            };
            totals.sampled_keys += sample.keys as u64;
            last = Some(sample);
            if !response.more {
                break;
            }
            at = steps.next(&first_key.key, &last_key.key);
        }
        if let Some(last) = last {
            totals.add(last, last.rest);
        }
        Ok(())
    }

    /// Reads a sample, with fewer keys if they are large.
    async fn read(&self, caller: &Caller, range: &Range, mut get: Get) -> Result<RangeResponse> {
        loop {
            let most = if get.limit > 1 {
                SAMPLE_BYTES
            } else {
                usize::MAX
            };
            match self.etcd.range_within(caller, range, &get, most).await {
                Err(failure) if failure.code == Code::TooLarge && get.limit > 1 => {
                    get.limit = (get.limit / 4).max(1);
                }
                response => return response,
            }
        }
    }
}

fn size(kv: &KeyValue) -> usize {
    kv.key.len() + kv.value.len()
}

impl Totals {
    /// Counts the keys from a sample to the next position.
    fn add(&mut self, sample: Sample, keys: i64) {
        self.exact &= keys <= sample.keys as i64;
        if sample.keys > 0 {
            self.bytes += sample.bytes as f64 / sample.keys as f64 * keys.max(0) as f64;
        }
    }
}

/// Chooses the positions of samples.
struct Steps {
    /// The range's exclusive end.
    end: Option<Vec<u8>>,
    /// The previous position is the previous key with byte `depth − 1` raised.
    depth: usize,
}

impl Steps {
    fn new(end: Option<Vec<u8>>) -> Self {
        Self {
            end,
            depth: usize::MAX,
        }
    }

    /// The position after a sample: further away than the previous one, if the range is long enough.
    fn next(&mut self, first: &[u8], last: &[u8]) -> Vec<u8> {
        let both = first.iter().zip(last);
        let common = both.take_while(|(one, other)| one == other).count();
        let deepest = (common + 1).min(last.len());
        let depth = self.depth.saturating_sub(1).clamp(1, deepest);
        for depth in depth..=deepest {
            let mut position = last[..depth].to_vec();
            let Some(raised) = position[depth - 1].checked_add(1) else {
                continue;
            };
            position[depth - 1] = raised;
            if self.end.as_ref().is_none_or(|end| position < *end) {
                self.depth = depth;
                return position;
            }
        }
        next_key(last)
    }
}

#[cfg(test)]
mod tests;
