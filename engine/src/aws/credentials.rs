//! Credentials that are asked for once, kept, and renewed before they expire.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use tokio::sync::OnceCell;
use tracing::warn;

use super::{LazyTls, bounded, load};
use crate::flow::Backoff;

/// How long before they expire credentials are renewed.
const EARLY: Duration = Duration::from_secs(300);
/// How soon they are renewed again: when that failed, or when they come with less time left than [`EARLY`].
const AGAIN: Duration = Duration::from_secs(30);
/// When credentials that never expire are read again: the profile may have new ones.
const WITHOUT_EXPIRY: Duration = Duration::from_secs(900);
/// Attempts to get credentials while there are none; sources such as the one of EC2 have moments of weakness.
const ATTEMPTS: u32 = 3;
/// Idle connections to sources of credentials.
const IDLE: usize = 2;

/// The credentials of the AWS chain, or of one source. Nothing is asked before the first request needs them.
pub(crate) struct CredentialCache {
    region: String,
    /// Instead of the chain.
    given: Option<SharedCredentialsProvider>,
    source: OnceCell<SharedCredentialsProvider>,
    current: Mutex<Generation>,
}

/// One set of credentials, which many requests wait for and one of them fetches.
#[derive(Clone, Default)]
struct Generation {
    kept: Arc<OnceCell<Kept>>,
    previous: Option<Credentials>,
}

struct Kept {
    credentials: Credentials,
    renew_at: SystemTime,
}

/// Nothing of the credentials.
impl fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialCache").field("region", &self.region).finish_non_exhaustive()
    }
}

impl CredentialCache {
    /// A cache in front of the chain, or of `given`. The region is the one that the chain asks for roles in.
    pub(crate) fn new(region: &str, given: Option<SharedCredentialsProvider>) -> Self {
        let (source, current) = (OnceCell::new(), Mutex::default());
        Self { region: region.to_owned(), given, source, current }
    }

    /// The credentials to sign with at this time.
    pub(crate) async fn get(&self, now: SystemTime) -> Result<Credentials, CredentialsError> {
        let Generation { kept, previous } = self.generation(now);
        let kept = kept.get_or_try_init(|| self.renew(previous, now)).await?;
        Ok(kept.credentials.clone())
    }

    fn generation(&self, now: SystemTime) -> Generation {
        // Poison is of no concern: each assignment is whole.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = current.kept.get().filter(|kept| kept.renew_at <= now);
        if let Some(previous) = stale.map(|kept| kept.credentials.clone()) {
            *current = Generation { kept: Arc::default(), previous: Some(previous) };
        }
        current.clone()
    }

    async fn renew(&self, previous: Option<Credentials>, now: SystemTime) -> Result<Kept, CredentialsError> {
        let previous = previous.filter(|previous| previous.expiry().is_none_or(|expiry| expiry > now));
        let attempts = if previous.is_some() { 1 } else { ATTEMPTS };
        let again = now + AGAIN;
        match (self.fetch(attempts).await, previous) {
            (Ok(credentials), _) => {
                let early = |expiry: SystemTime| expiry.checked_sub(EARLY).unwrap_or(now).max(again);
                let renew_at = credentials.expiry().map_or(now + WITHOUT_EXPIRY, early);
                Ok(Kept { credentials, renew_at })
            }
            (Err(error), Some(credentials)) => {
                warn!(error = %crate::error::chain(&error), "could not renew the AWS credentials, using the old ones");
                Ok(Kept { credentials, renew_at: again })
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn fetch(&self, attempts: u32) -> Result<Credentials, CredentialsError> {
        let source = self.source.get_or_try_init(|| self.find_source()).await?;
        let mut attempt = 0;
        loop {
            let fetched = source.provide_credentials().await;
            attempt += 1;
            let is_passing = |error: &CredentialsError| {
                matches!(error, CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_))
            };
            if attempt >= attempts || !fetched.as_ref().is_err_and(is_passing) {
                return fetched;
            }
            tokio::time::sleep(Backoff::default().delay(attempt, None)).await;
        }
    }

    async fn find_source(&self) -> Result<SharedCredentialsProvider, CredentialsError> {
        let source = match &self.given {
            Some(given) => Some(given.clone()),
            None => load(&self.region, LazyTls::new(IDLE), None).await.credentials_provider(),
        };
        source.map(bounded).ok_or_else(|| CredentialsError::not_loaded("no source of credentials"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::provider::future;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Gives the key `1`, then `2`, …, each valid for an hour from the beginning of the hour; or fails.
    #[derive(Debug)]
    struct Hourly {
        calls: Arc<AtomicU32>,
        fails_from: u32,
    }

    impl ProvideCredentials for Hourly {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            future::ProvideCredentials::ready(if call >= self.fails_from {
                Err(CredentialsError::provider_error("down"))
            } else {
                let expiry = hours(call, 0);
                Ok(Credentials::new(call.to_string(), "secret", None, Some(expiry), "test"))
            })
        }
    }

    fn hours(hours: u32, minutes: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(hours) * 3600 + minutes * 60)
    }

    fn cache(fails_from: u32) -> (CredentialCache, Arc<AtomicU32>) {
        let calls = Arc::new(AtomicU32::new(0));
        let source = SharedCredentialsProvider::new(Hourly { calls: Arc::clone(&calls), fails_from });
        (CredentialCache::new("eu-central-1", Some(source)), calls)
    }

    async fn key(cache: &CredentialCache, at: SystemTime) -> Result<String, String> {
        let credentials = cache.get(at).await.map_err(|error| crate::error::chain(&error))?;
        Ok(credentials.access_key_id().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_fetched_once_and_renewed_five_minutes_before_they_expire() {
        let (cache, calls) = cache(u32::MAX);
        let (first, second) = tokio::join!(key(&cache, hours(0, 0)), key(&cache, hours(0, 0)));
        assert_eq!((first.unwrap(), second.unwrap()), ("1".to_owned(), "1".to_owned()));
        assert_eq!(key(&cache, hours(0, 54)).await.unwrap(), "1");
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(key(&cache, hours(0, 55)).await.unwrap(), "2");
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_used_to_their_end_when_the_source_is_down() {
        let (cache, calls) = cache(2);
        assert_eq!(key(&cache, hours(0, 0)).await.unwrap(), "1");
        assert_eq!(key(&cache, hours(0, 59)).await.unwrap(), "1");
        assert_eq!(key(&cache, hours(0, 59)).await.unwrap(), "1");
        assert_eq!(calls.load(Ordering::SeqCst), 2); // Not asked for every request.
        let error = key(&cache, hours(1, 0)).await.unwrap_err();
        assert_eq!(error, "an error occurred while loading credentials: down");
        assert_eq!(calls.load(Ordering::SeqCst), 2 + ATTEMPTS);
    }

    #[tokio::test(start_paused = true)]
    async fn debug_shows_no_credentials() {
        let (cache, _) = cache(u32::MAX);
        cache.get(hours(0, 0)).await.unwrap();
        assert_eq!(format!("{cache:?}"), r#"CredentialCache { region: "eu-central-1", .. }"#);
    }
}
