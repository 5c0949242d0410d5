//! Contexts that others offer.

use dsp_protocol::api::{OfferInfo, Page, Problem, ProblemCode};
use dsp_protocol::id::ContextId;
use dsp_protocol::sync::{Command, StoredOffer};

use super::problem::not_found;
use super::scene::Scene;
use super::time::rfc3339;
use super::{Ops, Paging};

/// Most offers in one page: all that are kept fit.
const PAGE: u64 = 500;
/// Fewest digits of an id that name a context.
const ID_DIGITS: usize = 6;

impl Ops {
    /// Lists contexts that others offer, the latest first.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub async fn offers(&self, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.scene().await?;
        let mut offers = self.offered().await?;
        offers.retain(|(_, offer)| !scene.blocked.contains(&offer.from));
        let infos: Vec<OfferInfo> =
            offers.iter().map(|(id, offer)| offer_info(&scene, *id, offer)).collect();
        paging.page(infos, PAGE, |offer| {
            [offer.since.bytes().map(|b| !b).collect(), offer.context.as_bytes().to_vec()].concat()
        })
    }

    /// Shows an offer no more.
    ///
    /// # Errors
    /// Nobody offers such a context.
    pub async fn decline_offer(&self, label: &str) -> Result<OfferInfo, Problem> {
        let scene = self.scene().await?;
        let (context, offer) = self.offer(&scene, label).await?;
        self.node.run(Command::Decline { context }).await?;
        Ok(offer_info(&scene, context, &StoredOffer { declined: true, ..offer }))
    }

    /// Returns the labels of the offers that are to be shown.
    pub(crate) async fn offers_shown(&self, scene: &Scene) -> Result<Vec<String>, Problem> {
        let offers = self.offered().await?.into_iter();
        let shown = offers
            .filter(|(_, offer)| !offer.declined && !scene.blocked.contains(&offer.from))
            .map(|(_, offer)| label(scene, &offer));
        Ok(shown.collect())
    }

    /// Finds an offer by its label, or by the context's id or first digits of it.
    ///
    /// # Errors
    /// Nobody offers such a context, or several do.
    pub(crate) async fn offer(
        &self,
        scene: &Scene,
        text: &str,
    ) -> Result<(ContextId, StoredOffer), Problem> {
        let offers = self.offered().await?;
        let fits = |(id, offer): &&(ContextId, StoredOffer)| {
            label(scene, offer) == text
                || (text.len() >= ID_DIGITS && id.to_string().starts_with(text))
        };
        let fitting: Vec<_> = offers.iter().filter(fits).collect();
        match fitting[..] {
            [one] => Ok(one.clone()),
            [] => {
                let mut problem = not_found(format!("nobody offers `{text}`"));
                problem.candidates = offers.iter().map(|(_, o)| label(scene, o)).collect();
                Err(problem.with_hint("`dsp offers ls` lists what is offered"))
            }
            _ => {
                let detail = format!("`{text}` fits {} offers", fitting.len());
                let mut problem = Problem::new(ProblemCode::Ambiguous, detail);
                problem.candidates = fitting.iter().map(|(id, _)| id.to_string()).collect();
                Err(problem)
            }
        }
    }

    async fn offered(&self) -> Result<Vec<(ContextId, StoredOffer)>, Problem> {
        let offers = self.node.query(|engine| {
            engine.offered_contexts().map(|(id, offer)| (id, offer.clone())).collect()
        });
        Ok(offers.await?)
    }
}

/// Returns how an offer is written: the name is what the other side calls the context.
pub(crate) fn label(scene: &Scene, offer: &StoredOffer) -> String {
    format!("{}/{}", scene.names.of(offer.from), offer.offer.name)
}

fn offer_info(scene: &Scene, context: ContextId, offer: &StoredOffer) -> OfferInfo {
    OfferInfo {
        context,
        label: label(scene, offer),
        from: scene.names.named(offer.from),
        since: rfc3339(offer.since),
        declined: offer.declined,
    }
}
