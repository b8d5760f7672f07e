# packages: sklearn numpy
"""Trains and compares classifiers."""

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

X, y = load_iris(return_X_y=True)  # @devstash
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=1)  # @devstash
print(X_train.shape, X_test.shape)

models = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    "tree": DecisionTreeClassifier(max_depth=3, random_state=0),
}
for name, model in models.items():
    scores = cross_val_score(model, X_train, y_train, cv=3)  # @devstash
    model.fit(X_train, y_train)  # @devstash
    accuracy = model.score(X_test, y_test)  # @devstash
    print(name, np.round(scores.mean(), 3), round(accuracy, 3))
predicted = models["tree"].predict(X_test)  # @devstash
matrix = confusion_matrix(y_test, predicted)  # @devstash
print(matrix)
importance = models["tree"].feature_importances_.round(2).tolist()  # @devstash
print(importance)
