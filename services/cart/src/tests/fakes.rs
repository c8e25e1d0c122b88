//! A catalog and an inventory that say what the test tells them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use souk_contracts::{
    catalog::{
        CategoriesReply, CategoriesRequest, EnsureCategoryReply, EnsureCategoryRequest, FindSkusReply, FindSkusRequest,
        ImportProductsReply, ImportProductsRequest, MatchTitlesReply, MatchTitlesRequest, Offer, OffersReply,
        OffersRequest, ProductsReply, ProductsRequest, catalog_server::Catalog,
    },
    inventory::{
        CommitReply, CommitRequest, Level, LevelsReply, LevelsRequest, OpenReply, OpenRequest, ReleaseReply,
        ReleaseRequest, ReserveReply, ReserveRequest, RestockReply, RestockRequest, SetOnHandReply, SetOnHandRequest,
        inventory_server::Inventory,
    },
};
use souk_kernel::{ProductId, SellerId, SkuId, VariantId};
use tonic::{Request, Response, Status, async_trait};

#[derive(Default)]
struct Shop {
    offers: HashMap<String, Offer>,
    levels: HashMap<String, i64>,
    closed: bool,
}

/// What is on sale.
#[derive(Clone, Default)]
pub struct Fakes(Arc<Mutex<Shop>>);

impl Fakes {
    pub fn offer(&self, price: i64, available: i64) -> SkuId {
        let sku_id = SkuId::new();
        let offer = Offer {
            sku_id: sku_id.to_string(),
            variant_id: VariantId::new().to_string(),
            product_id: ProductId::new().to_string(),
            seller_id: SellerId::new().to_string(),
            seller_name: "Potter".to_owned(),
            title: "Mug".to_owned(),
            price,
            currency: "GBP".to_owned(),
            sellable: true,
            ..Offer::default()
        };
        let mut shop = self.0.lock().unwrap();
        shop.offers.insert(sku_id.to_string(), offer);
        shop.levels.insert(sku_id.to_string(), available);
        sku_id
    }

    pub fn change(&self, sku_id: SkuId, change: impl FnOnce(&mut Offer)) {
        change(self.0.lock().unwrap().offers.get_mut(&sku_id.to_string()).unwrap());
    }

    pub fn stock(&self, sku_id: SkuId, available: i64) {
        self.0.lock().unwrap().levels.insert(sku_id.to_string(), available);
    }

    /// From now on both services fail.
    pub fn close(&self) {
        self.0.lock().unwrap().closed = true;
    }

    fn ask<T>(&self, answer: impl FnOnce(&Shop) -> T) -> Result<Response<T>, Status> {
        let shop = self.0.lock().unwrap();
        if shop.closed { Err(Status::unavailable("closed")) } else { Ok(Response::new(answer(&shop))) }
    }
}

fn unused<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("cart doesn't ask for this"))
}

#[async_trait]
impl Catalog for Fakes {
    async fn offers(&self, request: Request<OffersRequest>) -> Result<Response<OffersReply>, Status> {
        let sku_ids = request.into_inner().sku_ids;
        self.ask(|shop| OffersReply { offers: sku_ids.iter().filter_map(|id| shop.offers.get(id).cloned()).collect() })
    }
    async fn ensure_category(
        &self,
        _: Request<EnsureCategoryRequest>,
    ) -> Result<Response<EnsureCategoryReply>, Status> {
        unused()
    }
    async fn import_products(
        &self,
        _: Request<ImportProductsRequest>,
    ) -> Result<Response<ImportProductsReply>, Status> {
        unused()
    }
    async fn find_skus(&self, _: Request<FindSkusRequest>) -> Result<Response<FindSkusReply>, Status> {
        unused()
    }
    async fn categories(&self, _: Request<CategoriesRequest>) -> Result<Response<CategoriesReply>, Status> {
        unused()
    }
    async fn products(&self, _: Request<ProductsRequest>) -> Result<Response<ProductsReply>, Status> {
        unused()
    }
    async fn match_titles(&self, _: Request<MatchTitlesRequest>) -> Result<Response<MatchTitlesReply>, Status> {
        unused()
    }
}

#[async_trait]
impl Inventory for Fakes {
    async fn levels(&self, request: Request<LevelsRequest>) -> Result<Response<LevelsReply>, Status> {
        let level = |shop: &Shop, sku_id: String| {
            let available = *shop.levels.get(&sku_id)?;
            Some(Level { sku_id, on_hand: available, available, reserved: 0, version: 1 })
        };
        let sku_ids = request.into_inner().sku_ids;
        self.ask(|shop| LevelsReply { levels: sku_ids.into_iter().filter_map(|id| level(shop, id)).collect() })
    }
    async fn open(&self, _: Request<OpenRequest>) -> Result<Response<OpenReply>, Status> {
        unused()
    }
    async fn set_on_hand(&self, _: Request<SetOnHandRequest>) -> Result<Response<SetOnHandReply>, Status> {
        unused()
    }
    async fn reserve(&self, _: Request<ReserveRequest>) -> Result<Response<ReserveReply>, Status> {
        unused()
    }
    async fn commit(&self, _: Request<CommitRequest>) -> Result<Response<CommitReply>, Status> {
        unused()
    }
    async fn release(&self, _: Request<ReleaseRequest>) -> Result<Response<ReleaseReply>, Status> {
        unused()
    }
    async fn restock(&self, _: Request<RestockRequest>) -> Result<Response<RestockReply>, Status> {
        unused()
    }
}
