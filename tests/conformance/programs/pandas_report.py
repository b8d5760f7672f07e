# packages: pandas
"""Reads, joins, groups and pivots sales."""

import io

import pandas as pd

SALES = """date,shop,product,units,price
2023-01-02,north,pen,10,1.5
2023-01-09,north,ink,2,7.0
2023-01-03,south,pen,4,1.6
2023-02-03,south,ink,1,7.5
2023-02-04,north,pen,,1.5
"""
SHOPS = pd.DataFrame({"shop": ["north", "south"], "city": ["Oslo", "Rome"]})


def read(text):
    return pd.read_csv(io.StringIO(text), parse_dates=["date"])


def enrich(sales, shops):
    joined = sales.merge(shops, on="shop", how="left")
    return joined.assign(
        total=joined["units"].fillna(0) * joined["price"], month=joined["date"].dt.strftime("%Y-%m")
    )


sales = read(SALES)  # @devstash
print(sales.shape, int(sales["units"].isna().sum()))
full = enrich(sales, SHOPS)  # @devstash
by_city = full.groupby("city")["total"].sum()  # @devstash
print(by_city.to_dict())
pivot = full.pivot_table(
    index="month", columns="product", values="total", aggfunc="sum", fill_value=0.0
)  # @devstash
print(pivot.to_string())
best = (
    full.sort_values(["total", "date"], ascending=False).head(2).reset_index(drop=True)["product"].tolist()
)  # @devstash
print(best)
full.loc[0, "total"] = 0.0
changed = full.groupby("shop").agg(total=("total", "sum"), rows=("total", "size")).round(2)  # @devstash
print(changed.to_string())
print(full[full["total"] > 5]["city"].value_counts().to_dict())  # @devstash
